import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveEcho } from "../_support/echo.ts";
import { hasPeer, requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import { listening, run } from "../_support/programs.ts";
import { type SshRoute, startSshRoute } from "../_support/ssh_route.ts";
import { hasSshd } from "../_support/sshd.ts";
import { until } from "../_support/until.ts";

const hasPeers = requirePeer("ssh") && requirePeer("ssh-keygen") && hasSshd();

describe.skipIf(!hasPeers)("forwarding through a route to an OpenSSH server", () => {
  let route: SshRoute;
  beforeAll(async () => {
    route = await startSshRoute({ settings: ["XAuthLocation /usr/bin/xauth"] });
  }, 30_000);
  afterAll(() => route?.[Symbol.asyncDispose]());

  /** Runs `ssh` with input. */
  const runSsh = (args: string[], options: { stdin?: Uint8Array; env?: Record<string, string> } = {}) =>
    run(["ssh", [...route.user.options(), ...args]], options);

  it("reaches what the server reaches, with -L and -W", async () => {
    using echo = serveEcho();
    const port = freePort();
    await using _running = route.user.start(["-N", "-L", `${port}:127.0.0.1:${echo.port}`, route.box]);
    await listening(port);
    expect(await echoed(port, "through -L")).toBe("through -L");
    const { stdout } = await runSsh(["-W", `127.0.0.1:${echo.port}`, route.box], {
      stdin: new TextEncoder().encode("through -W"),
    });
    expect(new TextDecoder().decode(stdout)).toBe("through -W");
  });

  it("reaches what the client of SOCKS names, with -D", async () => {
    using echo = serveEcho();
    const port = freePort();
    await using _running = route.user.start(["-N", "-D", `127.0.0.1:${port}`, route.box]);
    await listening(port);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    // RFC 1928: no authentication, then CONNECT to an IPv4 address.
    await conn.write(Uint8Array.of(5, 1, 0));
    expect(await readBytes(conn, 2)).toEqual(Uint8Array.of(5, 0));
    await conn.write(Uint8Array.of(5, 1, 0, 1, 127, 0, 0, 1, echo.port >> 8, echo.port & 255));
    expect((await readBytes(conn, 10)).subarray(0, 2)).toEqual(Uint8Array.of(5, 0));
    expect(await exchange(conn, "through -D")).toBe("through -D");
  });

  it.each(["127.0.0.1", "a Unix socket"])("listens at the server, with -R at %s", async (where) => {
    using echo = serveEcho();
    const port = freePort();
    const path = `${route.user.folder}/remote.sock`;
    const bind = where === "127.0.0.1" ? String(port) : path;
    await using running = route.user.start(["-v", "-N", "-R", `${bind}:127.0.0.1:${echo.port}`, route.box]);
    await running.shows("remote forward success for");
    const conn = where === "127.0.0.1"
      ? await Deno.connect({ hostname: "127.0.0.1", port })
      : await Deno.connect({ transport: "unix", path });
    expect(await exchange(conn, "through -R")).toBe("through -R");
  });

  it("tells which port the server has chosen for -R 0", async () => {
    using echo = serveEcho();
    await using running = route.user.start(["-N", "-R", `0:127.0.0.1:${echo.port}`, route.box]);
    const port = Number(await until(() => /Allocated port (\d+)/.exec(running.stderr)?.[1]));
    expect(await echoed(port, "chosen")).toBe("chosen");
  });

  it("says that the server refuses a connection", async () => {
    const { code, stderr } = await route.user.run(["-W", `127.0.0.1:${freePort()}`, route.box]);
    expect(code).toBe(255);
    expect(stderr).toContain("Connection refused");
  });

  it.skipIf(!requirePeer("ssh-agent"))("forwards the agent with -A", async () => {
    const socket = `${route.user.folder}/agent.sock`;
    const agent = new Deno.Command("ssh-agent", {
      args: ["-D", "-a", socket],
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await until(() => statIfThere(socket) || undefined);
      await run(["ssh-add", ["-q", `${route.user.folder}/id`]], { env: { SSH_AUTH_SOCK: socket } });
      // The first of two settings counts.
      const options = ["-A", "-o", `IdentityAgent=${socket}`, ...route.user.options()];
      const { stdout } = await run(["ssh", [...options, route.box, "ssh-add -l"]]);
      const fingerprint = /SHA256:\S+/.exec(await route.user.keygen("-l", "-f", "id.pub"))![0];
      expect(new TextDecoder().decode(stdout)).toContain(fingerprint);
    } finally {
      agent.kill("SIGTERM");
      await agent.status;
    }
  });

  it.skipIf(!hasPeer("xauth") || !hasPeer("python3"))("forwards X11 with -Y", async () => {
    using display = serveEcho();
    const { stdout, stderr } = await runSsh(["-Y", route.box, `python3 -c '${X11_CLIENT}'`], {
      env: { DISPLAY: `127.0.0.1:${display.port - 6000}`, XAUTHORITY: `${route.user.folder}/xauthority` },
    });
    // The service sends back what the client of X11 says first.
    expect(new TextDecoder().decode(stdout), stderr).toContain("MIT-MAGIC-COOKIE-1");
  });

  it("shares one connection between sessions", async () => {
    const socket = `${route.user.folder}/control`;
    await using _master = route.user.start(["-M", "-N", "-S", socket, route.box]);
    await until(() => statIfThere(socket) || undefined);
    const results = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => route.user.run(["-S", socket, route.box, `exit ${n}`])),
    );
    expect(results.map(({ code }) => code)).toEqual([1, 2, 3, 4, 5]);
  });
});

/** Connects to the display with the cookie that xauth has, and shows what comes back. */
const X11_CLIENT = `
import os, socket, struct, subprocess
display = os.environ["DISPLAY"].split(":")[1].split(".")[0]
cookie = bytes.fromhex(subprocess.check_output(["xauth", "list", os.environ["DISPLAY"]]).split()[2].decode())
name = b"MIT-MAGIC-COOKIE-1"
sock = socket.create_connection(("127.0.0.1", 6000 + int(display)))
sock.sendall(struct.pack("<BxHHHHxx", 0x6c, 11, 0, len(name), 16) + name + bytes(2) + cookie)
print(sock.recv(4096))
`.replaceAll("'", '"');

async function readBytes(conn: Deno.Conn, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let got = 0; got < count;) {
    const more = await conn.read(bytes.subarray(got));
    if (more === null) throw new Error(`It ended after ${got} bytes`);
    got += more;
  }
  return bytes;
}

async function exchange(conn: Deno.Conn, text: string): Promise<string> {
  await conn.write(new TextEncoder().encode(text));
  await conn.closeWrite();
  return await new Response(conn.readable).text();
}

async function echoed(port: number, text: string): Promise<string> {
  return await exchange(await Deno.connect({ hostname: "127.0.0.1", port }), text);
}

function statIfThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
