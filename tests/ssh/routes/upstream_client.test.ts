import { describe, expect, it } from "vitest";
import { errorMessage } from "../../../lib/base/errors.ts";
import { serveTcp, type TestService } from "../../_support/echo.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { until } from "../../_support/until.ts";
import { internals, openSession, TestServer } from "./_harness.ts";

const say = (text: string) => async (conn: Deno.TcpConn) => {
  await conn.write(new TextEncoder().encode(text));
};
const stay = async (conn: Deno.TcpConn) => {
  await new Response(conn.readable).bytes();
};

async function codeOf(opening: Promise<unknown>): Promise<string> {
  return await opening.then(() => "opened", (error) => error.code ?? errorMessage(error));
}

describe("a server that a route leads to", () => {
  it.each<[string, (conn: Deno.TcpConn) => Promise<void>]>([
    ["closes at once", () => Promise.resolve()],
    ["speaks HTTP", say("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["has an older version of SSH", say("SSH-1.5-old\r\n")],
    ["sends garbage after its version", say(`SSH-2.0-garbage\r\n${"x".repeat(1000)}`)],
    ["sends nothing but line breaks", say("\r\n".repeat(100_000))],
  ])("is refused when it %s", async (_, handle) => {
    using service: TestService = serveTcp(handle);
    expect(await codeOf(openSession({ port: service.port }))).toBe("ssh/handshake-failed");
    await until(() => service.open === 0);
  });

  it("is given up when it does not answer", async () => {
    using service = serveTcp(stay);
    const clock = new ManualClock();
    const opening = codeOf(openSession({ port: service.port, clock }));
    await until(() => service.open === 1);
    await until(() => clock.pending > 0);
    clock.advance(15_000);
    expect(await opening).toBe("ssh/timeout");
    await until(() => service.open === 0);
  });

  it("is refused when it sends messages of sessions before anybody is signed in", async () => {
    using server = new TestServer();
    server.server.on("connection", (connection) => {
      connection.on("handshake", () => internals(connection)._protocol.ping());
    });
    expect(await codeOf(openSession({ port: await server.listen() }))).toBe("ssh/handshake-failed");
  });

  it("is refused when it lets nobody in", async () => {
    using server = new TestServer();
    const kinds: string[] = [];
    server.server.on("connection", (connection) => {
      connection.removeAllListeners("authentication");
      connection.on("authentication", (context) => {
        if (context.method === "publickey") kinds.push(context.key.algo);
        context.reject(["publickey"]);
      });
    });
    expect(await codeOf(openSession({ port: await server.listen() }))).toBe("ssh/certificate-refused");
    // Each of those that it says to take, once.
    expect(kinds).toEqual(
      ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"].map((kind) =>
        `${kind}-cert-v01@openssh.com`
      ),
    );
  });

  it("may show a banner, which is cut at 16 KiB", async () => {
    using server = new TestServer({ banner: `Welcome ${"!".repeat(30_000)}` });
    await using session = await openSession({ port: await server.listen() });
    expect(session.banner).toMatch(/^Welcome !+$/);
    expect(session.banner).toHaveLength(16 * 1024);
  });

  it("is not reached at all when its sessions have to be recorded and nothing records", async () => {
    const opening = openSession({ port: 1, route: { isRecorded: true } });
    expect(await codeOf(opening)).toBe("ssh/not-recorded");
  });

  it("is refused when the route has no key of a kind that servers have", async () => {
    using server = new TestServer();
    const opening = openSession({ port: await server.listen(), route: { sshHostKeys: [] } });
    expect(await codeOf(opening)).toBe("ssh/host-key-mismatch");
  });
});
