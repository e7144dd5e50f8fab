import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import type { Carrier } from "../../lib/client/carrier.ts";
import { http2Carrier } from "../../lib/client/http2_carrier.ts";
import { until } from "../_support/until.ts";

const REQUEST = { token: "the-token", userAgent: "test/1" };
const noSignal = new AbortController().signal;
const AUTHORITY = "redis.example.com:6379";

/** An HTTP/2 server on a port, and a carrier to it. */
class Scene implements AsyncDisposable {
  readonly requests: Record<string, unknown>[] = [];
  readonly sockets = new Set<Socket>();
  session: ServerHttp2Session | null = null;

  private constructor(readonly server: Http2Server, readonly carrier: Carrier) {}

  static async open(
    serve: (stream: ServerHttp2Stream) => void,
    settings: { enableConnectProtocol?: boolean; maxConcurrentStreams?: number } = {
      enableConnectProtocol: true,
    },
  ): Promise<Scene> {
    const server = createServer({ settings });
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await listening;
    const { port } = server.address() as AddressInfo;
    const early: ((scene: Scene) => void)[] = [];
    let found: Scene | null = null;
    const withScene = (run: (scene: Scene) => void) => found === null ? void early.push(run) : run(found);
    server.on("session", (session) => {
      session.on("error", () => {});
      withScene((scene) => scene.session = session);
    });
    server.on("connection", (socket: Socket) => withScene(({ sockets }) => sockets.add(socket)));
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      withScene(({ requests }) => requests.push({ ...headers }));
      stream.on("error", () => {});
      serve(stream);
    });
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    const gateway = { tls: true, host: "gw.example.com", port };
    found = new Scene(server, await http2Carrier(denoStream(conn), { gateway, signal: noSignal }));
    early.forEach((run) => run(found!));
    return found;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.carrier.close();
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

function echo(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "x-request-id": "req-1" });
  stream.pipe(stream);
}

describe("http2Carrier()", () => {
  it("opens TCP tunnels with CONNECT, many on one connection", async () => {
    await using scene = await Scene.open(echo);
    const { carrier, requests, sockets } = scene;
    const tunnels = await Promise.all(
      ["a", "b", "c"].map((name) => carrier.openTcp(`${name}:1`, { ...REQUEST, signal: noSignal })),
    );
    for (const tunnel of tunnels) {
      await tunnel.write(utf8("ping"));
      const into = new Uint8Array(8);
      expect([await tunnel.read(into), tunnel.requestId, tunnel.token]).toEqual([4, "req-1", "the-token"]);
      await tunnel.closeWrite();
      expect(await tunnel.read(into)).toBeNull();
      tunnel.close();
    }
    expect(sockets.size).toBe(1);
    expect(requests).toHaveLength(3);
    expect(requests[0]).toMatchObject({
      ":method": "CONNECT",
      ":authority": "a:1",
      authorization: "Pomerium the-token",
      "user-agent": "test/1",
    });
    expect(requests[0]).not.toHaveProperty(":path");
  });

  it("opens UDP tunnels with extended CONNECT", async () => {
    await using scene = await Scene.open(echo);
    const { carrier, requests } = scene;
    expect(carrier.carriesUdp).toBe(true);
    const tunnel = await carrier.openUdp({ host: "2001:db8::1", port: 53 }, { ...REQUEST, signal: noSignal });
    const received: number[] = [];
    void tunnel.receive((payload) => received.push(payload.length));
    for (const length of [3, 0, 1200]) tunnel.send(new Uint8Array(length));
    await until(() => received.length === 3);
    tunnel.close();
    expect(received).toEqual([3, 0, 1200]);
    expect(requests[0]).toMatchObject({
      ":method": "CONNECT",
      ":protocol": "connect-udp",
      ":scheme": "https",
      ":path": "/.well-known/masque/udp/2001%3Adb8%3A%3A1/53/",
      "capsule-protocol": "?1",
    });
  });

  it("carries no UDP when the gateway does not take extended CONNECT", async () => {
    await using scene = await Scene.open(echo, {});
    expect(scene.carrier.carriesUdp).toBe(false);
  });

  it.each([
    [302, "client/login-required"],
    [401, "client/login-required"],
    [403, "client/denied"],
    [404, "client/no-such-route"],
    [495, "client/certificate-refused"],
    [503, "client/unavailable"],
    [500, "client/unexpected-status"],
  ])("takes status %d for %s, and goes on", async (status, code) => {
    await using scene = await Scene.open((stream) =>
      stream.respond({ ":status": status }, { endStream: true })
    );
    const opening = scene.carrier.openTcp(AUTHORITY, { ...REQUEST, signal: noSignal });
    await expect(opening).rejects.toMatchObject({ code, status });
    expect(scene.carrier.isOpen).toBe(true);
  });

  it("gives up a request that is not answered, and goes on", async () => {
    await using scene = await Scene.open(() => {});
    const opening = scene.carrier.openTcp(AUTHORITY, { ...REQUEST, signal: AbortSignal.timeout(50) });
    await expect(opening).rejects.toMatchObject({ code: "client/timeout" });
    expect(scene.carrier.isOpen).toBe(true);
  });

  it("takes no more when the connection is lost", async () => {
    await using scene = await Scene.open(echo);
    const tunnel = await scene.carrier.openTcp(AUTHORITY, { ...REQUEST, signal: noSignal });
    for (const socket of scene.sockets) socket.destroy();
    await expect(tunnel.read(new Uint8Array(1))).rejects.toThrow();
    await until(() => !scene.carrier.isOpen);
    const opening = scene.carrier.openTcp(AUTHORITY, { ...REQUEST, signal: noSignal });
    await expect(opening).rejects.toMatchObject({ code: "client/unreachable" });
  });

  it("takes no more when the gateway goes away, and keeps the tunnels that are open", async () => {
    await using scene = await Scene.open(echo);
    const tunnel = await scene.carrier.openTcp(AUTHORITY, { ...REQUEST, signal: noSignal });
    scene.session!.goaway();
    await until(() => !scene.carrier.isOpen);
    await tunnel.write(utf8("still"));
    expect(await tunnel.read(new Uint8Array(8))).toBe(5);
    tunnel.close();
  });

  it("takes no more while it has as many tunnels as the gateway allows", async () => {
    await using scene = await Scene.open(echo, { maxConcurrentStreams: 2 });
    const { carrier } = scene;
    await carrier.openTcp(AUTHORITY, { ...REQUEST, signal: noSignal });
    expect(carrier.isOpen).toBe(true);
    await carrier.openTcp(AUTHORITY, { ...REQUEST, signal: noSignal });
    expect(carrier.isOpen).toBe(false);
  });
});
