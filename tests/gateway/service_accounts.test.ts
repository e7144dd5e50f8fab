import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { decodeJwt } from "jose";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { run, sallyport } from "../_support/programs.ts";
import { readAll, readExactly, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

let echo: TestService;
let gateway: TestGateway;

beforeAll(async () => {
  echo = serveEcho();
  gateway = await startTestGateway(`
routes:
  - from: tcp+https://public.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    policy: [{ allow: { or: [{ email: { is: backup@example.com } }, { groups: { has: engineering } }] } }]
`);
  await gateway.addUser("ann", { groups: ["engineering"] });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

async function accounts(...args: string[]) {
  const options = ["--state-dir", `${gateway.folder}/state`, "--config", `${gateway.folder}/routes.yaml`];
  const { code, stdout, stderr } = await run(sallyport("service-accounts", ...args, ...options));
  return { code, stdout: new TextDecoder().decode(stdout), stderr };
}

describe("sallyport service-accounts", () => {
  it.each([
    ["an address of its own", ["--email", "backup@example.com"]],
    ["the groups of its user", ["--user", "ann"]],
  ])("makes a token that opens tunnels by %s, until it is revoked, which ends them", async (_, who) => {
    const made = await accounts("create", ...who, "--expires", "2h", "--description", "nightly");
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("for 2 h 0 min") });
    const token = made.stdout.trim();
    const id = decodeJwt(token).jti!;
    expect((await accounts("list")).stdout).toMatch(new RegExp(`^${id} .*nightly$`, "m"));

    const { status, stream } = await gateway.connect("echo.test:7", { token });
    expect(status).toBe(200);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");

    expect(await accounts("revoke", id)).toMatchObject({ code: 0, stdout: `ended ${id}\n` });
    expect(await readAll(stream)).toHaveLength(0);
    stream.close();
    const end = await until(() => gateway.linesOf("tunnel ended").find((line) => line["session-id"] === id));
    expect(end.reason).toBe("session-ended");
    const after = await gateway.connect("echo.test:7", { token });
    after.stream.close();
    expect(after.status).toBe(401);
    expect((await accounts("list")).stdout).toBe("there are no service accounts\n");
  });

  it("revoked loses its tunnels to what is open to everyone, too", async () => {
    const { stdout } = await accounts("create", "--email", "backup@example.com");
    const token = stdout.trim();
    const { stream } = await gateway.connect("public.test:7", { token });
    expect((await accounts("revoke", decodeJwt(token).jti!)).code).toBe(0);
    expect(await readAll(stream)).toHaveLength(0);
    stream.close();
  });

  it("keeps the tunnels of a service account through a reload", async () => {
    const { stdout } = await accounts("create", "--email", "backup@example.com");
    const { stream } = await gateway.connect("echo.test:7", { token: stdout.trim() });
    await gateway.gateway.reloader.reload("test");
    await stream.write(utf8("still"));
    expect(await readExactly(stream, 5)).toBe("still");
    stream.close();
  });

  it("writes no token to the log", async () => {
    const { stdout } = await accounts("create", "--email", "backup@example.com");
    const { stream } = await gateway.connect("echo.test:7", { token: stdout.trim() });
    stream.close();
    expect(gateway.written.join("\n")).not.toContain(stdout.trim().split(".")[2]);
  });

  it.each([
    [["create"], "a user or has an e-mail address"],
    [["create", "--user", "nobody"], "There is no user"],
    [["create", "--email", "nobody"], "e-mail"],
    [["create", "--email", "a@example.com", "--expires", "1000d"], "400 days"],
    [["create", "--email", "a@example.com", "--expires", "soon"], "not a duration"],
    [["revoke", "nothing"], "no service account"],
    [["revoke"], "ID is missing"],
    [["frobnicate"], "There is no action"],
  ])("%j is refused", async (args, message) => {
    const { code, stdout, stderr } = await accounts(...args);
    expect(code).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
  });
});
