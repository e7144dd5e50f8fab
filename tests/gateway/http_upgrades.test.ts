import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { http2Session } from "../_support/http2_session.ts";
import { dialHttp3 } from "../_support/http3.ts";
import { HttpService } from "../_support/http_service.ts";
import { readAll, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";
import { ask, PUBLIC, routeTo, SIGNED_IN } from "./_http_route.ts";

const WEBSOCKETS = `allow_websockets: true\n`;

/** A service that gives back what it is sent by WebSocket, and says what it was asked for. */
async function webSocketService() {
  const service = await HttpService.start((_incoming, outgoing) =>
    void outgoing.writeHead(426).end("upgrade")
  );
  const server = new WebSocketServer({ server: service.server });
  const paths: string[] = [];
  server.on("connection", (socket: WebSocket, request: IncomingMessage) => {
    paths.push(request.url!);
    socket.on("message", (data: Uint8Array, binary: boolean) => socket.send(data, { binary }));
  });
  return { service, paths };
}

function dial(gateway: TestGateway, path: string, headers: Readonly<Record<string, string>> = {}): WebSocket {
  return new WebSocket(`wss://127.0.0.1:${gateway.port}${path}`, {
    ca: gateway.caPem,
    servername: "localhost",
    headers: { host: "app.test", ...headers },
  });
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
}

function closed(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

describe("A WebSocket over HTTP/1.1", () => {
  it("goes through to the service, and leaves a tunnel in the trail", async () => {
    const { service, paths } = await webSocketService();
    await using _service = service;
    await using gateway = await startTestGateway(routeTo(service.url, WEBSOCKETS + PUBLIC));
    const socket = dial(gateway, "/chat?room=1");
    await opened(socket);
    const heard: string[] = [];
    socket.on("message", (data: Uint8Array) => heard.push(String(data)));
    for (const text of ["hello", "x".repeat(200_000)]) socket.send(text);
    await until(() => heard.length === 2);
    expect([heard[0], heard[1]!.length, paths]).toEqual(["hello", 200_000, ["/chat?room=1"]]);
    socket.close();
    await closed(socket);
    expect(await gateway.line("request ended")).toMatchObject({ reason: "completed", path: "/chat" });
    expect(await gateway.line("http-request")).toMatchObject({ "response-code": 101 });
  });

  it("ends when the caller is no longer allowed it", async () => {
    const { service } = await webSocketService();
    await using _service = service;
    await using gateway = await startTestGateway(routeTo(service.url, WEBSOCKETS + SIGNED_IN));
    await gateway.addUser("ann");
    const socket = dial(gateway, "/", { authorization: `Pomerium ${await gateway.token("ann")}` });
    await opened(socket);
    await until(() => gateway.gateway.tunnels.size === 1);
    await gateway.gateway.users.remove("ann");
    await closed(socket);
    expect(await gateway.line("request ended")).toMatchObject({ reason: "session-ended" });
  });

  it("is refused on a route that does not let requests go over to it", async () => {
    const { service, paths } = await webSocketService();
    await using _service = service;
    await using gateway = await startTestGateway(routeTo(service.url));
    await expect(opened(dial(gateway, "/"))).rejects.toThrow("403");
    expect(paths).toEqual([]);
  });

  it("is refused to those who have not signed in", async () => {
    const { service, paths } = await webSocketService();
    await using _service = service;
    await using gateway = await startTestGateway(routeTo(service.url, WEBSOCKETS + SIGNED_IN));
    await expect(opened(dial(gateway, "/", { accept: "application/json" }))).rejects.toThrow("401");
    expect(paths).toEqual([]);
  });
});

describe("An upgrade", () => {
  it("that the service does not agree to is answered as it answers", async () => {
    await using service = await HttpService.start((_incoming, outgoing) => {
      outgoing.writeHead(401, { "x-why": "no" }).end("who are you?");
    });
    await using gateway = await startTestGateway(routeTo(service.url, WEBSOCKETS + PUBLIC));
    const fields = { Connection: "Upgrade", Upgrade: "websocket" };
    const answer = await ask(gateway, "/", { fields });
    expect([answer.status, answer.headers.get("x-why")]).toEqual([401, "no"]);
    expect(answer.body).toContain("who are you?");
  });

  it("to another protocol goes through when the route allows it", async () => {
    await using service = await HttpService.start(() => {});
    service.server.on("upgrade", (_request, socket: Duplex) => {
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chatter\r\n\r\nfirst words",
      );
      socket.end();
    });
    await using gateway = await startTestGateway(
      routeTo(service.url, `allow_upgrades: [chatter]\n${PUBLIC}`),
    );
    const { status, body } = await ask(gateway, "/", {
      fields: { Connection: "Upgrade", Upgrade: "chatter" },
    });
    expect([status, body]).toEqual([101, "first words"]);
  });
});

/** An extended CONNECT by `node:http2` (RFC 8441). */
async function extended2(gateway: TestGateway): Promise<Extended> {
  const session = http2Session(gateway);
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  const stream = session.request(Object.fromEntries(EXTENDED), { endStream: false });
  const head = await new Promise<Record<string, unknown>>((resolve) => stream.once("response", resolve));
  return {
    status: Number(head[":status"]),
    headers: head,
    async echo(text) {
      stream.write(text);
      let answer = "";
      for await (const chunk of stream) answer += chunk;
      return answer;
    },
    close: () => session.destroy(),
  };
}

/** The same by our own client of HTTP/3 (RFC 9220). */
async function extended3(gateway: TestGateway): Promise<Extended> {
  const connection = await dialHttp3(gateway);
  const stream = await connection.request(EXTENDED);
  const { status, headers } = await stream.readAnswer();
  return {
    status,
    headers: Object.fromEntries(headers),
    async echo(text) {
      await stream.write(utf8(text));
      return fromUtf8(await readAll(stream));
    },
    close: () => connection.close(),
  };
}

interface Extended {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  /** Sends a text. @returns all that comes until the end */
  echo(text: string): Promise<string>;
  close(): void;
}

const EXTENDED: readonly (readonly [string, string])[] = [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "https"],
  [":authority", "app.test"],
  [":path", "/chat"],
  ["sec-websocket-version", "13"],
];

describe.each([["HTTP/2", extended2], ["HTTP/3", extended3]] as const)("A WebSocket over %s", (_, open) => {
  it("goes through to the service, which is asked by HTTP/1.1", async () => {
    await using service = await HttpService.start(() => {});
    service.server.on("upgrade", (request, socket: Duplex) => {
      const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash("sha1").update(key).digest("base64");
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
          `Sec-WebSocket-Accept: ${accept}\r\nX-Asked: ${request.method} ${request.url}\r\n\r\n`,
      );
      socket.on("data", (data) => socket.end(`echo ${data}`));
    });
    await using gateway = await startTestGateway(routeTo(service.url, WEBSOCKETS + PUBLIC));
    const client = await open(gateway);
    expect([client.status, client.headers["x-asked"]]).toEqual([200, "GET /chat"]);
    expect(client.headers).not.toHaveProperty("sec-websocket-accept");
    expect(await client.echo("hi")).toBe("echo hi");
    client.close();
    expect(await gateway.line("request ended")).toMatchObject({ path: "/chat", "bytes-up": 2 });
  });

  it("that the service does not agree to is no tunnel", async () => {
    await using service = await HttpService.start((_incoming, outgoing) => void outgoing.end("a page"));
    await using gateway = await startTestGateway(routeTo(service.url, WEBSOCKETS + PUBLIC));
    const client = await open(gateway);
    expect(client.status).toBe(503);
    client.close();
  });
});
