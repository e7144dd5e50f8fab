import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import { listening, run } from "../_support/programs.ts";
import { ADA, LOGIN, type SshRoute, startSshRoute } from "../_support/ssh_route.ts";
import { hasSshd } from "../_support/sshd.ts";
import { until } from "../_support/until.ts";

describe.skipIf(!(requirePeer("ssh") && hasSshd()))("tunnels of stock OpenSSH", () => {
  let route: SshRoute;
  let echo: TestService;
  beforeAll(async () => {
    echo = serveEcho();
    route = await startSshRoute({
      routes: `
  - from: tcp+https://echo.internal:7
    to: tcp://127.0.0.1:${echo.port}
    policy: ${ADA}
  - from: tcp+https://proxied.internal:7
    to: tcp://127.0.0.1:${echo.port}
    send_proxy_protocol: v1
    policy: ${ADA}
  - from: ssh://recorded
    to: ssh://127.0.0.1:${echo.port}
    session_recording: { enabled: true }
    policy: ${ADA}
  - from: tcp+https://dead.internal:7
    to: tcp://127.0.0.1:${freePort()}
    policy: ${ADA}
  - from: tcp+https://eve.internal:7
    to: tcp://127.0.0.1:${echo.port}
    policy: [{ allow: { and: [{ email: { is: eve@example.com } }] } }]
  - from: tcp+https://grace.internal:7
    to: tcp://127.0.0.1:${echo.port}
    policy: [{ allow: { and: [{ ssh_username: grace }] } }]
`,
    });
  }, 30_000);
  afterAll(async () => {
    await route?.[Symbol.asyncDispose]();
    echo?.[Symbol.dispose]();
  });

  const gate = (name = "ada") => `${name}@127.0.0.1`;
  const through = async (destination: string, { name = "ada", text = "hello" } = {}) => {
    const stdin = new TextEncoder().encode(text);
    const { code, stdout, stderr } = await run(
      ["ssh", [...route.user.options(), "-W", destination, gate(name)]],
      { stdin },
    );
    return { code, stdout: new TextDecoder().decode(stdout), stderr };
  };

  it("reaches a TCP route with -W", async () => {
    expect(await through("echo.internal:7")).toMatchObject({ code: 0, stdout: "hello" });
    const line = await until(() =>
      route.gateway.linesOf("tunnel ended").find(({ host }) => host === "echo.internal:7")
    );
    expect(line).toMatchObject({
      method: "DIRECT-TCPIP",
      email: "ada@example.com",
      "bytes-up": 5,
      "bytes-down": 5,
      reason: "completed",
    });
  });

  it("reaches a TCP route with -L, with several connections at once", async () => {
    const port = freePort();
    await using _running = route.user.start(["-N", "-L", `${port}:echo.internal:7`, gate()]);
    await listening(port);
    const answers = await Promise.all(["one", "two", "three"].map(async (text) => {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      await conn.write(new TextEncoder().encode(text));
      await conn.closeWrite();
      return await new Response(conn.readable).text();
    }));
    expect(answers).toEqual(["one", "two", "three"]);
  });

  it("tells the service who calls, where the route says so", async () => {
    const { stdout } = await through("proxied.internal:7");
    expect(stdout).toBe("PROXY TCP4 127.0.0.1 0.0.0.0 0 0\r\nhello");
  });

  it.each([
    ["nowhere.internal:7", "There is no such route", "ssh/no-route"],
    ["echo.internal:8", "There is no such route", "ssh/no-route"],
    ["bad name:7", "The destination is not a host and a port", "authority/bad-host"],
    ["eve.internal:7", "The policy of the route does not let you in", "ssh/denied"],
    ["recorded:22", "Sessions of the route are recorded: use ssh user@route@gateway", "ssh/not-recorded"],
    ["dead.internal:7", "The service cannot be reached (dial/refused", "dial/refused"],
  ])("refuses %s with a sentence, and writes it down", async (destination, sentence, error) => {
    const { code, stderr } = await through(destination);
    expect(code).toBe(255);
    expect(stderr).toContain(sentence);
    const line = route.gateway.linesOf("tunnel refused").find(({ host }) => host === destination);
    expect(line).toMatchObject({ method: "DIRECT-TCPIP", error, email: "ada@example.com" });
  });

  it("asks the policy about the login name of the connection", async () => {
    expect((await through("grace.internal:7")).stderr).toContain("The policy of the route");
    expect(await through("grace.internal:7", { name: "grace" })).toMatchObject({ stdout: "hello" });
  });

  it("ends one tunnel, and not the connection that it is on", async () => {
    const port = freePort();
    await using running = route.user.start(["-N", "-L", `${port}:echo.internal:7`, gate()]);
    await listening(port);
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(new TextEncoder().encode("x"));
    await conn.read(new Uint8Array(1));
    const tunnel = await until(() =>
      route.gateway.gateway.tunnels.list().find(({ target }) => target.host === "echo.internal")
    );
    route.gateway.gateway.tunnels.end(tunnel.id, "killed");
    expect(await conn.read(new Uint8Array(1))).toBeNull();
    expect(running.stderr).not.toContain("Received disconnect");
  });

  it("is a jump host: the server is signed in to from end to end", async () => {
    const { folder } = route.user;
    await using jump = await startSshRoute({ settings: [`AuthorizedKeysFile ${folder}/id.pub`] });
    await jump.user.keygen("-q", "-y", "-f", `${folder}/id`);
    await Deno.copyFile(`${folder}/id`, `${jump.user.folder}/inner`);
    await Deno.chmod(`${jump.user.folder}/inner`, 0o600);
    await Deno.writeTextFile(
      `${jump.user.folder}/config`,
      `
Host *
  StrictHostKeyChecking no
  UserKnownHostsFile ${jump.user.folder}/seen
  IdentitiesOnly yes
  IdentityAgent none
Host gate
  HostName 127.0.0.1
  Port ${jump.gateway.gateway.sshAddress!.port}
  User ada
  IdentityFile ${jump.user.folder}/id
Host box
  User ${LOGIN}
  IdentityFile ${jump.user.folder}/inner
`,
    );
    const { code, stdout, stderr } = await run(["ssh", [
      "-F",
      `${jump.user.folder}/config`,
      "-J",
      "gate",
      "box",
      "echo inner; exit 5",
    ]]);
    expect(new TextDecoder().decode(stdout), stderr).toBe("inner\n");
    expect(code).toBe(5);
    // What the client has seen is the key of the server, not of the gateway.
    expect(await Deno.readTextFile(`${jump.user.folder}/seen`)).toContain(jump.sshd.hostKey);
    expect(jump.gateway.linesOf("tunnel opened").at(-1)).toMatchObject({
      method: "DIRECT-TCPIP",
      host: "box:22",
    });
  });
});
