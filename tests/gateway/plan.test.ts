import { afterEach, beforeEach, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import {
  clientEnv,
  clientOptions,
  run,
  type RunningProgram,
  sallyport,
  sha256,
  start,
} from "../_support/programs.ts";
import { PASSWORD, readAll, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

let echo: TestService;
let gateway: TestGateway;

beforeEach(async () => {
  echo = serveEcho();
  gateway = await startTestGateway(routes(["ann@example.com", "bob@example.com", "cid@example.com"]));
  for (const name of ["ann", "bob", "cid"]) await gateway.addUser(name, { email: `${name}@example.com` });
});

afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

function routes(users: readonly string[], more = ""): string {
  return `
routes:
  - name: echo
    from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    policy:
      - allow:
          or:
            - email: {in: ${JSON.stringify(users)}}
${more}`;
}

async function startClient(name: string): Promise<{ client: RunningProgram; port: number }> {
  const args = ["tcp", "echo.test:7", "--gateway-url", gateway.url, ...clientOptions(gateway)];
  const client = start(sallyport(...args), { env: clientEnv(gateway, { name, password: PASSWORD }) });
  const port = Number(await until(() => /listening on 127\.0\.0\.1:(\d+)/.exec(client.stderr())?.[1]));
  return { client, port };
}

async function control(...args: string[]) {
  const options = ["--state-dir", `${gateway.folder}/state`, "--config", `${gateway.folder}/routes.yaml`];
  const { code, stdout, stderr } = await run(sallyport(...args, ...options));
  return { code, stdout: new TextDecoder().decode(stdout), stderr };
}

/** A connection that carries 4 MiB before `halfWay` and 4 MiB after. */
async function transfer(stream: ByteStream, halfWay: Promise<void>): Promise<boolean> {
  const half = new Uint8Array(4 * 1024 * 1024);
  for (let i = 0; i < half.length; i += 65536) crypto.getRandomValues(half.subarray(i, i + 65536));
  const send = async () => {
    await stream.write(half);
    await halfWay;
    await stream.write(half);
    await stream.closeWrite();
  };
  const [received] = await Promise.all([readAll(stream), send()]);
  const whole = new Uint8Array(half.length * 2);
  whole.set(half);
  whole.set(half, half.length);
  return await sha256(new Uint8Array(received)) === await sha256(whole);
}

it("plan says who would be cut, apply cuts exactly those, and they are told why", async () => {
  await using resources = new AsyncDisposableStack();
  const clients = new Map<string, { client: RunningProgram; port: number }>();
  for (const name of ["ann", "bob", "cid"]) clients.set(name, await startClient(name));
  for (const { client } of clients.values()) resources.use(client);
  const dial = async (name: string) =>
    denoStream(await Deno.connect({ hostname: "127.0.0.1", port: clients.get(name)!.port }));
  const kept = [await dial("ann"), await dial("ann"), await dial("cid")];
  const cut = [await dial("bob"), await dial("bob")];
  const { promise: halfWay, resolve: goOn } = Promise.withResolvers<void>();
  const transfers = kept.map((stream) => transfer(stream, halfWay));
  await until(() => gateway.gateway.tunnels.size === 5);
  await until(() =>
    gateway.gateway.tunnels.list().filter(({ bytesDown }) => bytesDown === 4 << 20).length === 3
  );
  // The client asks why a tunnel ended only when it has lived for a second.
  await until(() => gateway.gateway.tunnels.list().every(({ openedAt }) => Date.now() - openedAt > 1000));

  const file = `${gateway.folder}/new.yaml`;
  const more =
    "  - {name: new, from: 'tcp+https://new.test:1', to: 'tcp://127.0.0.1:1', allow_any_authenticated_user: true}";
  await Deno.writeTextFile(
    file,
    `address: 127.0.0.1:0\n${routes(["ann@example.com", "cid@example.com"], more)}`,
  );
  const plan = await control("plan", file);
  const id = /^plan (\S+)$/m.exec(plan.stdout)![1]!;
  expect(plan.stdout.replaceAll(/[0-9a-f]{8}(?= )/g, "ID").replace(id, "PLAN")).toBe(`\
Routes
  + new (tcp+https://new.test:1)
  ~ echo (tcp+https://echo.test:7): policy

Access of people who are signed in
  + ann@example.com gains new
  + bob@example.com gains new
  - bob@example.com loses echo
  + cid@example.com gains new

Live tunnels that would be cut
  ID  bob@example.com  echo.test:7  no-longer-allowed: email-unauthorized
  ID  bob@example.com  echo.test:7  no-longer-allowed: email-unauthorized

plan PLAN
`);
  expect(gateway.gateway.tunnels.size).toBe(5);

  const applied = await control("apply", file, "--plan", id);
  expect(applied).toMatchObject({ code: 0, stdout: "served\n" });
  await Promise.all(cut.map(readAll));
  const ended = [await gateway.line("tunnel ended", 1), await gateway.line("tunnel ended", 2)];
  expect(ended).toMatchObject([1, 2].map(() => ({
    email: "bob@example.com",
    reason: "no-longer-allowed",
    detail: "email-unauthorized; applied, revision 2",
  })));
  const told = clients.get("bob")!.client;
  await until(() => told.stderr().split("the policy of the route no longer lets you in").length === 3);
  expect(gateway.gateway.tunnels.size).toBe(3);
  expect(await Deno.readTextFile(`${gateway.folder}/routes.yaml`)).toBe(await Deno.readTextFile(file));

  goOn();
  expect(await Promise.all(transfers)).toEqual([true, true, true]);
  for (const stream of [...kept, ...cut]) stream.close();
}, 60_000);

it("a plan that is older than the running configuration is refused", async () => {
  const file = `${gateway.folder}/new.yaml`;
  await Deno.writeTextFile(file, `address: 127.0.0.1:0\n${routes([])}`);
  const id = /^plan (\S+)$/m.exec((await control("plan", file)).stdout)![1]!;
  await gateway.writeConfig(routes(["cid@example.com"]));
  await until(() => gateway.gateway.reloader.last?.ok);
  const { code, stderr } = await control("apply", file, "--plan", id);
  expect(code).toBe(1);
  expect(stderr).toBe(
    "error: The plan is not of this configuration, or the gateway has changed since\n" +
      "hint: make the plan again and look at it\n",
  );
});

it("a plan of a file that cannot be served shows where, and changes nothing", async () => {
  const file = `${gateway.folder}/new.yaml`;
  await Deno.writeTextFile(file, "routes: nonsense\n");
  const { code, stdout } = await control("plan", file);
  expect(code).toBe(1);
  expect(stdout).toContain("routes.yaml:1:9: error:");
  expect(stdout).toContain("This configuration cannot be served.");
  expect((await control("apply", file)).code).toBe(1);
  expect((await control("status")).stdout).toContain("revision 1");
});

it("status, tunnels, sessions, explain, who-can and why-not answer from the running gateway", async () => {
  const token = await gateway.token("ann");
  const { stream } = await gateway.connect("echo.test:7", { token });
  expect((await control("status")).stdout).toMatch(/^gateway +https:\/\/localhost:\d+, process \d+, up /);
  const listed = (await control("tunnels", "list")).stdout;
  expect(listed).toMatch(
    /^ID +USER +PROTOCOL +DESTINATION +FROM +TO +OPEN +UP +DOWN\n[0-9a-f]{8} +ann@example\.com +tcp +echo\.test:7 /,
  );
  expect((await control("sessions", "list")).stdout).toMatch(
    /^ID +USER +E-MAIL +SINCE +LEFT\n\S+ +ann +ann@example\.com /,
  );
  expect((await control("who-can", "echo")).stdout).toBe(
    ["ann", "bob", "cid"].map((name) => `user   ${name} <${name}@example.com>\n`).join(""),
  );
  const explained = await control("explain", "--route", "echo.test:7", "--user", "eve@example.com");
  expect(explained.stdout).toContain("email");
  expect(explained.stdout).toContain("eve@example.com");
  const whyNot = await control("why-not", "eve@example.com", "echo");
  expect(whyNot.stdout).toContain("It would take no less than:\n  email must match");
  expect((await control("why-not", "ann", "echo")).stdout).toBe("nothing: the route lets this user in\n");

  const id = /\n([0-9a-f]{8})/.exec(listed)![1]!;
  expect((await control("tunnels", "kill", id)).code).toBe(0);
  expect(await readAll(stream)).toHaveLength(0);
  stream.close();
  expect(await gateway.line("tunnel ended")).toMatchObject({ reason: "killed" });

  const second = await gateway.connect("echo.test:7", { token });
  expect((await control("sessions", "revoke", "ann@example.com")).stdout).toMatch(/^ended \S+\n$/);
  expect(await readAll(second.stream)).toHaveLength(0);
  second.stream.close();
  expect(await gateway.line("tunnel ended", 2)).toMatchObject({ reason: "session-ended" });
  const third = await gateway.connect("echo.test:7", { token });
  third.stream.close();
  expect(third.status).toBe(401);
}, 60_000);

it("a gateway that does not run is said in one error", async () => {
  const { code, stderr } = await run(sallyport("status", "--state-dir", `${gateway.folder}/nowhere`));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: No gateway answers at .*control\.sock\nhint: /);
});

it("the control socket is for its owner only", () => {
  expect(Deno.statSync(gateway.gateway.controlSocket).mode! & 0o777).toBe(0o600);
});
