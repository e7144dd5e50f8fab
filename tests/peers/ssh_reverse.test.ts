import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirePeer } from "../_support/peers.ts";
import { HttpService } from "../_support/http_service.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { run } from "../_support/programs.ts";
import { type RunningSsh, SshUser } from "../_support/ssh.ts";
import { readExactly, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { closedPort } from "../upstream/_support.ts";

const hasPeers = requirePeer("ssh") && requirePeer("curl");
const ADA = "[{ allow: { and: [{ email: { is: ada@example.com } }] } }]";
const GROUP = "[{ allow: { and: [{ 'claim/groups': publishers }] } }]";
const PUBLIC = "allow_public_unauthenticated_access: true";

describe.skipIf(!hasPeers)("OpenSSH with -R", () => {
  let one: HttpService;
  let two: HttpService;
  let echo: TestService;
  let gateway: TestGateway;
  let user: SshUser;

  beforeAll(async () => {
    const named = (name: string) =>
      HttpService.start((incoming, outgoing) => {
        const { host = "" } = incoming.headers;
        outgoing.end(`${name} ${incoming.url} ${host}`);
      });
    [one, two] = await Promise.all([named("one"), named("two")]);
    echo = serveEcho();
    gateway = await startTestGateway(config());
    await gateway.addUser("ada", { email: "ada@example.com" });
    await gateway.addUser("bob", { email: "bob@example.com" });
    user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada" });
  }, 60_000);

  afterAll(async () => {
    await Promise.all([user, one, two, gateway].map((one) => one?.[Symbol.asyncDispose]()));
    echo?.[Symbol.dispose]();
  });

  const portOf = ({ url }: HttpService) => Number(new URL(url).port);

  const config = (more = "") => `
ssh_address: 127.0.0.1:0
routes:
  - from: https://app.example.com
    to: [${one.url.replace("127.0.0.1", "localhost")}, "${two.url}"]
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${ADA} }
  - from: https://other.example.com
    to: ${two.url}
    ${PUBLIC}
    preserve_host_header: true
    upstream_tunnel: { ssh_policy: ${ADA} }
  - from: tcp+https://echo.example.com:7000
    to: tcp://127.0.0.1:${echo.port}
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${ADA} }
  - from: https://group.example.com
    to: ${one.url}
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${GROUP} }
  - from: https://nobody.example.com
    to: ${one.url}
    ${PUBLIC}
    upstream_tunnel: {}
${more}`;

  /** Asks a route as a stranger. */
  async function get(host: string, path = "/"): Promise<string> {
    const { stdout, stderr } = await run(["curl", [
      ...["-sS", "-m", "20", "--cacert", gateway.caFile, "-w", " %{http_code}"],
      ...["--resolve", `${host}:${gateway.port}:127.0.0.1`],
      `https://${host}:${gateway.port}${path}`,
    ]]);
    return new TextDecoder().decode(stdout) + stderr;
  }

  /** Runs `ssh -N` until the body is over. */
  async function publishing(forwards: readonly string[], body: (ssh: RunningSsh) => Promise<void>) {
    await using ssh = user.start([...forwards.flatMap((one) => ["-R", one]), "-v", "-N", "ada@127.0.0.1"]);
    await until(() => {
      if (/remote forward failure|Permission denied/.test(ssh.stderr)) throw new Error(ssh.stderr);
      return (ssh.stderr.match(/remote forward success/g)?.length ?? 0) === forwards.length;
    });
    await body(ssh);
  }

  it("answers 503 with the reason as long as nobody publishes the route", async () => {
    expect(await get("app.example.com")).toMatch(/Nobody publishes the service of this route now[^]* 503$/);
  });

  it("-R host:443:HOST:PORT publishes one HTTP route at the place that the client names", async () => {
    await publishing([`app.example.com:443:localhost:${portOf(two)}`], async () => {
      expect(await get("app.example.com", "/a?b=c")).toBe(`two /a?b=c localhost:${portOf(one)} 200`);
      expect(await get("other.example.com")).toMatch(/503$/);
    });
    await eventually(async () => (await get("app.example.com")).endsWith("503"));
  });

  it("-R 0 publishes everything that the user may publish, and goes round the services", async () => {
    await publishing(["0"], async () => {
      const answers = [
        await get("app.example.com"),
        await get("app.example.com"),
        await get("app.example.com"),
      ];
      expect(answers.map((answer) => answer.slice(0, 3)).sort()).not.toEqual(["one", "one", "one"]);
      expect(new Set(answers.map((answer) => answer.slice(0, 3)))).toEqual(new Set(["one", "two"]));
      expect(await get("other.example.com", "/x")).toBe(`two /x other.example.com:${gateway.port} 200`);
      expect(await get("group.example.com")).toMatch(/503$/);
      expect(await get("nobody.example.com")).toMatch(/503$/);
      const { status, stream } = await gateway.connect("echo.example.com:7000");
      expect(status).toBe(200);
      await stream.write(utf8("hello"));
      expect(await readExactly(stream, 5)).toBe("hello");
      stream.close();
    });
  });

  it.each(["o*.example.com:0", "?ther.EXAMPLE.com:0"])(
    "-R %s publishes what the pattern matches",
    async (forward) => {
      await publishing([forward], async () => {
        expect(await get("other.example.com")).toMatch(/^two .* 200$/);
        expect(await get("app.example.com")).toMatch(/503$/);
      });
    },
  );

  it("-R host:PORT:HOST:PORT publishes the TCP route of that authority", async () => {
    await publishing([`echo.example.com:7000:localhost:${echo.port}`], async () => {
      const { status, stream } = await gateway.connect("echo.example.com:7000");
      expect(status).toBe(200);
      await stream.write(utf8("hello"));
      expect(await readExactly(stream, 5)).toBe("hello");
      stream.close();
    });
  });

  it("takes several -R, and prefers the first for each route", async () => {
    await publishing([`app.example.com:443:localhost:${portOf(two)}`, "0"], async () => {
      for (let i = 0; i < 3; i++) expect(await get("app.example.com")).toMatch(/^two/);
      expect(await get("other.example.com")).toMatch(/^two/);
    });
  });

  it.each([
    ["*:0", "0"],
    ["**.example.com:0", "*.Example.com:0"],
    ["app.example.com:443:localhost:1", "app.example.com:443:localhost:2"],
  ])("refuses %s beside %s, and says why", async (first, second) => {
    await using ssh = user.start(["-R", first, "-R", second, "-v", "-N", "ada@127.0.0.1"]);
    await ssh.shows("asks for the same");
    await until(() => /remote forward failure|remote port forwarding failed/.test(ssh.stderr));
  });

  it("lets -f -N go to the background once everything is published", async () => {
    const socket = ["-S", `${user.folder}/background`];
    const options = ["-o", "ExitOnForwardFailure=yes", "-R", "0", "-R", `box:22:localhost:1`];
    const { success } = await new Deno.Command("ssh", {
      args: [...user.options(), "-M", ...socket, ...options, "-f", "-N", "ada@127.0.0.1"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    expect(success).toBe(true);
    expect(await get("app.example.com")).toMatch(/200$/);
    expect((await run(["ssh", [...socket, "-O", "exit", "ada@127.0.0.1"]])).code).toBe(0);
    await eventually(async () => (await get("app.example.com")).endsWith("503"));
  });

  it("never passes on what begins like SOCKS to a place of the client's own", async () => {
    await publishing([`echo.example.com:7000:localhost:${echo.port}`], async () => {
      const { stream } = await gateway.connect("echo.example.com:7000");
      await stream.write(Uint8Array.of(5, 1, 0));
      expect(await stream.read(new Uint8Array(8)).catch(() => null)).toBeNull();
    });
  });

  it("answers 503 when the service of the client is not there", async () => {
    await publishing([`app.example.com:443:localhost:${closedPort()}`], async () => {
      expect(await get("app.example.com")).toMatch(/503$/);
    });
  });

  it.each([
    [
      "app.example.com:0:localhost:PORT",
      "-R app.example.com:0, or name the route: -R app.example.com:443:HOST:PORT",
    ],
    ["app.example.com:443", "Add it: -R app.example.com:443:HOST:PORT, or use port 0: -R app.example.com:0"],
  ])("tells the user of -R %s what it should have been, at the first connection", async (forward, hint) => {
    await publishing([forward.replace("PORT", String(portOf(one)))], async (ssh) => {
      expect(await get("app.example.com")).toMatch(/503$/);
      await ssh.shows(hint);
      await get("app.example.com");
      expect(ssh.stderr.split(hint)).toHaveLength(2);
    });
  });

  it("stops publishing what is cancelled from the client", async () => {
    const socket = `${user.folder}/control`;
    await using ssh = user.start(["-M", "-S", socket, "-R", "0", "-v", "-N", "ada@127.0.0.1"]);
    await ssh.shows("remote forward success");
    expect(await get("app.example.com")).toMatch(/200$/);
    const { code, stderr } = await run(["ssh", ["-S", socket, "-O", "cancel", "-R", "0", "ada@127.0.0.1"]]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await eventually(async () => (await get("app.example.com")).endsWith("503"));
    const again = await run(["ssh", [
      ...[
        "-S",
        socket,
        "-O",
        "forward",
        "-R",
        `app.example.com:443:localhost:${portOf(two)}`,
        "ada@127.0.0.1",
      ],
    ]]);
    expect(again.code).toBe(0);
    expect(await get("app.example.com")).toMatch(/^two/);
  });

  it("publishes a route that appears in the configuration, until it is gone", async () => {
    await publishing(["0"], async () => {
      const port = gateway.port;
      const more = `
  - from: https://new.example.com
    to: ${one.url}
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${ADA} }
`;
      await gateway.writeConfig(config(more), { port });
      await eventually(async () => (await get("new.example.com")).startsWith("one"));
      await gateway.writeConfig(config(), { port });
      const end = await until(() =>
        gateway.linesOf("tunnel ended").find(({ method, route }) =>
          method === "PUBLISH" && route === "https://new.example.com"
        )
      );
      expect(end.reason).toBe("route-removed");
      expect(await get("app.example.com")).toMatch(/200$/);
    });
  });
});

/** Asks again until the answer is yes. */
async function eventually(ask: () => Promise<boolean>): Promise<void> {
  while (!await ask());
}
