import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { HttpService, textOf } from "../_support/http_service.ts";
import { requirePythonModule } from "../_support/peers.ts";
import { run } from "../_support/programs.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

const CLIENT = new URL("../_support/http3_client.py", import.meta.url).pathname;

interface Answer {
  readonly head: Readonly<Record<string, string>>;
  readonly body: string;
  readonly datagrams?: readonly unknown[];
  readonly trailers?: Readonly<Record<string, string>>;
  /** By identifier. */
  readonly settings: Readonly<Record<string, number>>;
}

describe.skipIf(!requirePythonModule("aioquic"))("aioquic, an HTTP/3 client that others wrote", () => {
  let gateway: TestGateway;
  let echo: TestService;
  let udpEcho: Deno.DatagramConn;
  let token: string;
  let service: HttpService;

  beforeAll(async () => {
    echo = serveEcho();
    udpEcho = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    void (async () => {
      for await (const [payload, from] of udpEcho) await udpEcho.send(payload, from);
    })().catch(() => {});
    service = await HttpService.start(async (incoming, outgoing) => {
      const body = await textOf(incoming);
      outgoing.writeHead(200, { trailer: "x-sum" });
      outgoing.write(`${incoming.method} ${incoming.url} ${body.length} ${incoming.trailers["x-sent"]}`);
      outgoing.addTrailers({ "x-sum": "42" });
      outgoing.end();
    });
    const sockets = new WebSocketServer({ server: service.server });
    sockets.on("connection", (socket: WebSocket) => {
      socket.on("message", (data: Uint8Array) => socket.send(String(data)));
    });
    gateway = await startTestGateway(`
routes:
  - from: https://app.test
    to: ${service.url}
    allow_websockets: true
    allow_any_authenticated_user: true
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
  - from: udp+https://echo.test:7
    to: udp://127.0.0.1:${(udpEcho.addr as Deno.NetAddr).port}
    allow_any_authenticated_user: true
`);
    await gateway.addUser("ann");
    token = await gateway.token("ann");
  });

  afterAll(async () => {
    echo[Symbol.dispose]();
    udpEcho.close();
    await gateway[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });

  async function ask(command: string, argument: string, options: { token?: string } = {}): Promise<Answer> {
    const args = [CLIENT, String(gateway.port), gateway.caFile, command, argument, options.token ?? token];
    const { stdout, stderr, code } = await run(["python3", args], { env: Deno.env.toObject() });
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(new TextDecoder().decode(stdout));
  }

  it("gets a page, and the settings that CONNECT-UDP needs", async () => {
    const { head, body, settings } = await ask("get", "/healthz");
    expect([head[":status"], body]).toEqual(["200", "OK"]);
    expect(head["alt-svc"]).toBeUndefined();
    expect(settings).toMatchObject({ 8: 1, 51: 1 });
  });

  it("reaches a TCP service, and is refused without a token", async () => {
    expect(await ask("tcp", "echo.test:7")).toMatchObject({
      head: { ":status": "200" },
      body: "hello over aioquic",
    });
    expect((await ask("tcp", "echo.test:7", { token: "" })).head[":status"]).toBe("302");
    expect((await ask("tcp", "nowhere.test:7")).head[":status"]).toBe("404");
    await until(() => gateway.gateway.tunnels.size === 0);
  });

  it("reaches a UDP service with datagrams", async () => {
    const { head, datagrams } = await ask("udp", "/.well-known/masque/udp/echo.test/7/");
    expect(head).toMatchObject({ ":status": "200", "capsule-protocol": "?1" });
    expect(datagrams).toEqual([0, 1, 512, 1100].map((size) => [true, 0, size]));
  });

  it("sends a body and trailers through an HTTP route, and gets those of the service", async () => {
    expect(await ask("post", "https://app.test/sum?x=1")).toMatchObject({
      head: { ":status": "200" },
      body: "POST /sum?x=1 800000 yes",
      trailers: { "x-sum": "42" },
    });
    expect((await ask("post", "https://app.test/", { token: "" })).head[":status"]).toBe("302");
  });

  it("speaks with a WebSocket through an HTTP route", async () => {
    expect(await ask("websocket", "https://app.test/chat")).toMatchObject({
      head: { ":status": "200" },
      body: "hello over aioquic",
    });
  });

  it("resets 10,000 requests, and is still served", async () => {
    const before = Deno.memoryUsage().rss;
    expect((await ask("reset", "10000")).head[":status"]).toBe("200");
    expect(Deno.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
    await until(() => gateway.gateway.openConnections === 0);
  });
});
