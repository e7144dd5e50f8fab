import { afterEach, beforeEach, expect, it } from "vitest";
import { decodeBase64, utf8 } from "../../lib/base/bytes.ts";
import { deriveKeys } from "../../lib/identity/keys.ts";
import { sealer } from "../../lib/store/sealed.ts";
import { openSqliteStore, type SqliteStore } from "../../lib/store/sqlite_store.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { run, sallyport } from "../_support/programs.ts";
import { readAll, readExactly, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

let echo: TestService;
let first: TestGateway;
let second: TestGateway;
let store: SqliteStore;

/** Two gateways on one state directory, and a third user of its store. */
beforeEach(async () => {
  echo = serveEcho();
  const config = `
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
`;
  first = await startTestGateway(config);
  second = await startTestGateway(config, { folder: first.folder });
  const secret = decodeBase64((await Deno.readTextFile(`${first.folder}/state/shared-secret`)).trim())!;
  const { storage } = await deriveKeys(secret);
  store = await openSqliteStore({ path: `${first.folder}/state/sallyport.db`, sealer: sealer(storage) });
  await first.addUser("ann");
  await first.addUser("bob");
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await second.gateway.stop();
  await first[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

it("a session begun on one gateway is good on the other, and ended anywhere it is cut on both", async () => {
  const token = await first.token("ann");
  const other = await second.token("bob");
  const cut = [await first.connect("echo.test:7", { token }), await second.connect("echo.test:7", { token })];
  const kept = [
    await first.connect("echo.test:7", { token: other }),
    await second.connect("echo.test:7", { token: other }),
  ];
  expect([...cut, ...kept].map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const [session] = await store.sessionsOf((await store.userByName("ann"))!.id, Date.now());
  await store.removeSession(session!.id);
  for (const { stream } of cut) {
    expect(await readAll(stream)).toHaveLength(0);
    stream.close();
  }
  for (const { stream } of kept) {
    await stream.write(utf8("still"));
    expect(await readExactly(stream, 5)).toBe("still");
    stream.close();
  }
  expect(await first.line("tunnel ended")).toMatchObject({ reason: "session-ended", email: "ann@localhost" });
  expect(await second.line("tunnel ended")).toMatchObject({
    reason: "session-ended",
    email: "ann@localhost",
  });
});

it("sallyport users remove, in a process of its own, cuts the user's tunnels", async () => {
  const token = await first.token("ann");
  const { stream } = await first.connect("echo.test:7", { token });
  const { code } = await run(sallyport("users", "remove", "ann", "--state-dir", `${first.folder}/state`));
  expect(code).toBe(0);
  expect(await readAll(stream)).toHaveLength(0);
  stream.close();
});
