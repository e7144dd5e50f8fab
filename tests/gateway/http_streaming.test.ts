import http2, { type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import https from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import type { Http3Connection } from "../../lib/carrier/http3_connection.ts";
import type { Http3Stream } from "../../lib/carrier/http3_stream.ts";
import { http2Session } from "../_support/http2_session.ts";
import { dialHttp3 } from "../_support/http3.ts";
import { HttpService, textOf } from "../_support/http_service.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";
import { PUBLIC, routeTo, SIGNED_IN } from "./_http_route.ts";

/** What one of the two clients sees of an answer. */
interface Answer {
  status: number;
  body: string;
  trailers: Record<string, unknown>;
  hints: unknown[];
  /** `null` when the answer came to its end. */
  broken: string | null;
  readonly over: Promise<void>;
}

interface Asking {
  readonly answer: Answer;
  write(text: string): void;
  end(): void;
  abort(): void;
}

type Client = (gateway: TestGateway, options: AskOptions) => Asking;

interface AskOptions {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Waits for 100 before it writes. */
  readonly expects?: boolean;
}

const sessions: ClientHttp2Session[] = [];
const connections: Http3Connection[] = [];
afterEach(() => {
  sessions.splice(0).forEach((session) => session.destroy());
  connections.splice(0).forEach((connection) => connection.close());
});

/** By `node:https`. */
const http1: Client = (
  gateway,
  { path = "/", method = "GET", headers = {}, expects = false },
) => {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const answer: Answer = { status: 0, body: "", trailers: {}, hints: [], broken: null, over };
  const request: ClientRequest = https.request({
    host: "127.0.0.1",
    port: gateway.port,
    servername: "localhost",
    ca: gateway.caPem,
    agent: false,
    path,
    method,
    headers: { host: "app.test", ...headers, ...(expects ? { expect: "100-continue" } : {}) },
  });
  const fail = (error: Error) => {
    answer.broken ??= error.message;
    resolve();
  };
  request.on("error", fail);
  request.on("continue", () => answer.hints.push(100));
  request.on("information", ({ statusCode }) => statusCode !== 100 && answer.hints.push(statusCode));
  request.on("response", (incoming: IncomingMessage) => {
    answer.status = incoming.statusCode!;
    incoming.on("data", (chunk) => (answer.body += chunk));
    incoming.on("error", fail);
    incoming.on("end", () => {
      answer.trailers = incoming.trailers;
      resolve();
    });
  });
  if (expects) request.flushHeaders();
  return {
    answer,
    write: (text) => void request.write(text),
    end: () => void request.end(),
    abort: () => void request.destroy(),
  };
};

/** By `node:http2`. */
const http2Client: Client = (
  gateway,
  { path = "/", method = "GET", headers = {}, expects = false },
) => {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const answer: Answer = { status: 0, body: "", trailers: {}, hints: [], broken: null, over };
  const session = http2Session(gateway);
  session.on("error", () => {});
  sessions.push(session);
  const stream: ClientHttp2Stream = session.request({
    ":path": path,
    ":method": method,
    ":authority": "app.test",
    ...headers,
    ...(expects ? { expect: "100-continue" } : {}),
  }, { endStream: method === "GET" });
  stream.on("continue", () => answer.hints.push(100));
  stream.on("headers", (head: Record<string, unknown>) => {
    if (head[":status"] !== 100) answer.hints.push(head[":status"]);
  });
  stream.on("response", (head: Record<string, unknown>) => (answer.status = Number(head[":status"])));
  stream.on("trailers", (trailers: Record<string, unknown>) => (answer.trailers = trailers));
  stream.on("data", (chunk) => (answer.body += chunk));
  stream.on("error", (error) => (answer.broken ??= error.message));
  stream.on("close", () => {
    if (stream.rstCode !== 0) answer.broken ??= String(stream.rstCode);
    resolve();
  });
  return {
    answer,
    write: (text) => void stream.write(text),
    end: () => void stream.end(),
    abort: () => stream.close(http2.constants.NGHTTP2_CANCEL),
  };
};

/** By our own client, as the platform has none. */
const http3Client: Client = (
  gateway,
  { path = "/", method = "GET", headers = {}, expects = false },
) => {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const answer: Answer = { status: 0, body: "", trailers: {}, hints: [], broken: null, over };
  const stream = dialHttp3(gateway).then(async (connection) => {
    connections.push(connection);
    const fields = { ...headers, ...(expects ? { expect: "100-continue" } : {}) };
    return await connection.request([
      ...[[":method", method], [":scheme", "https"], [":authority", "app.test"], [":path", path]] as const,
      ...Object.entries(fields),
    ]);
  });
  const reading = async () => {
    const asked = await stream;
    for (answer.status = 100; answer.status < 200;) {
      answer.status = Number((await asked.readFields()).find(([name]) => name === ":status")![1]);
      if (answer.status < 200) answer.hints.push(answer.status);
    }
    const buffer = new Uint8Array(64 * 1024);
    for (let count = await asked.read(buffer); count !== null; count = await asked.read(buffer)) {
      answer.body += fromUtf8(buffer.subarray(0, count));
    }
    answer.trailers = Object.fromEntries(asked.trailers);
  };
  reading().catch((error) => (answer.broken ??= String(error))).finally(resolve);
  let sending: Promise<unknown> = stream;
  const send = (work: (stream: Http3Stream) => Promise<void> | void) => {
    sending = sending.then(async () => work(await stream)).catch(() => {});
  };
  return {
    answer,
    write: (text) => send((stream) => stream.write(utf8(text))),
    end: () => send((stream) => stream.closeWrite()),
    // A stream that is given up is noticed when more is sent on it; a connection at once.
    abort: () => connections.at(-1)!.close(),
  };
};

const CLIENTS = [["HTTP/1.1", http1], ["HTTP/2", http2Client], ["HTTP/3", http3Client]] as const;

describe.each(CLIENTS)("Over %s, a service", (_, client) => {
  it("gets a long body and gives it back, without the gateway holding it", async () => {
    await using service = await HttpService.start((incoming, outgoing) => {
      outgoing.writeHead(200);
      incoming.pipe(outgoing);
    });
    await using gateway = await startTestGateway(routeTo(service.url));
    const { answer, write, end } = client(gateway, { method: "POST" });
    const piece = "0123456789abcdef".repeat(4096);
    for (let i = 0; i < 80; i++) write(piece);
    end();
    await answer.over;
    expect([answer.status, answer.broken, answer.body.length]).toEqual([200, null, 80 * piece.length]);
    expect(answer.body === piece.repeat(80)).toBe(true);
  });

  it("is heard word by word, as with server-sent events", async () => {
    const next = Promise.withResolvers<void>();
    await using service = await HttpService.start(async (_incoming, outgoing) => {
      outgoing.writeHead(200, { "content-type": "text/event-stream" });
      outgoing.write("data: 1\n\n");
      await next.promise;
      outgoing.end("data: 2\n\n");
    });
    await using gateway = await startTestGateway(routeTo(service.url));
    const { answer, end } = client(gateway, {});
    end();
    await until(() => answer.body === "data: 1\n\n");
    next.resolve();
    await answer.over;
    expect(answer.body).toBe("data: 1\n\ndata: 2\n\n");
  });

  it("says itself whether it wants a body", async () => {
    const asked = Promise.withResolvers<() => void>();
    await using service = await HttpService.start(() => {});
    service.server.on("checkContinue", async (incoming, outgoing) => {
      asked.resolve(() => outgoing.writeContinue());
      outgoing.end(await textOf(incoming));
    });
    await using gateway = await startTestGateway(routeTo(service.url));
    const { answer, write, end } = client(gateway, {
      method: "POST",
      expects: true,
      headers: { "content-length": "4" },
    });
    const go = await asked.promise;
    expect(answer.hints).toEqual([]);
    go();
    await until(() => answer.hints.includes(100));
    write("body");
    end();
    await answer.over;
    expect([answer.status, answer.body]).toEqual([200, "body"]);
  });

  it("gives hints before its answer, and trailers after it", async () => {
    await using service = await HttpService.start((_incoming, outgoing) => {
      outgoing.writeEarlyHints({ link: "</a.css>; rel=preload" });
      outgoing.writeHead(200, { trailer: "x-sum" });
      outgoing.write("body");
      outgoing.addTrailers({ "x-sum": "42" });
      outgoing.end();
    });
    await using gateway = await startTestGateway(routeTo(service.url));
    const { answer, end } = client(gateway, {});
    end();
    await answer.over;
    expect(answer).toMatchObject({ body: "body", hints: [103], trailers: { "x-sum": "42" }, broken: null });
  });

  it.each([["content-length", { "content-length": "100" }], ["chunks", {}]] as const)(
    "that breaks off in the middle of an answer by %s does not seem to have finished",
    async (_, headers) => {
      await using service = await HttpService.start((_incoming, outgoing) => {
        outgoing.writeHead(200, headers);
        outgoing.write("part", () => outgoing.socket!.destroy());
      });
      await using gateway = await startTestGateway(routeTo(service.url));
      const { answer, end } = client(gateway, {});
      end();
      await answer.over;
      expect(answer.broken).not.toBe(null);
    },
  );

  it("that breaks the connection before it answers is answered for with 503", async () => {
    await using service = await HttpService.start((incoming) => incoming.socket.destroy());
    await using gateway = await startTestGateway(routeTo(service.url));
    const { answer, end } = client(gateway, {});
    end();
    await answer.over;
    expect([answer.status, answer.broken]).toEqual([503, null]);
  });

  it("that takes too long is answered for with 504", async () => {
    await using service = await HttpService.start(() => {});
    await using gateway = await startTestGateway(routeTo(service.url, `timeout: 100ms\n${PUBLIC}`));
    const { answer, end } = client(gateway, {});
    end();
    await answer.over;
    expect([answer.status, answer.broken]).toEqual([504, null]);
  });

  it("hears of a client that gives up", async () => {
    const gone = Promise.withResolvers<void>();
    await using service = await HttpService.start((_incoming, outgoing) => {
      outgoing.writeHead(200);
      outgoing.write("part");
      // Over HTTP/3 it is noticed when more is sent.
      const more = setInterval(() => outgoing.write("part"), 50);
      outgoing.on("close", () => {
        clearInterval(more);
        gone.resolve();
      });
    });
    await using gateway = await startTestGateway(routeTo(service.url));
    const { answer, end, abort } = client(gateway, {});
    end();
    await until(() => answer.body.startsWith("part"));
    abort();
    await gone.promise;
  });

  it("is cut off from a client whose session ends", async () => {
    await using service = await HttpService.start((_incoming, outgoing) => {
      outgoing.writeHead(200, { "content-type": "text/event-stream" });
      outgoing.write("data: 1\n\n");
    });
    await using gateway = await startTestGateway(routeTo(service.url, `timeout: 0\n${SIGNED_IN}`));
    await gateway.addUser("ann");
    const { answer, end } = client(gateway, {
      headers: { authorization: `Pomerium ${await gateway.token("ann")}` },
    });
    end();
    await until(() => answer.body !== "" && gateway.gateway.tunnels.size === 1);
    await gateway.gateway.users.remove("ann");
    await answer.over;
    expect(answer.broken).not.toBe(null);
    expect(await gateway.line("request ended")).toMatchObject({
      reason: "session-ended",
      path: "/",
      "bytes-down": "data: 1\n\n".length,
    });
  });
});

describe("A service", () => {
  it("is held up by a client that does not read", async () => {
    const SIZE = 64 * 1024;
    let sent = 0;
    await using service = await HttpService.start(async (incoming, outgoing) => {
      if (incoming.url === "/small") return void outgoing.end("small");
      const closed = new Promise((resolve) => outgoing.once("close", resolve));
      for (; sent < 4000 * SIZE && !outgoing.destroyed; sent += SIZE) {
        if (outgoing.write(new Uint8Array(SIZE))) continue;
        await Promise.race([new Promise((resolve) => outgoing.once("drain", resolve)), closed]);
      }
    });
    await using gateway = await startTestGateway(routeTo(service.url));
    const idle = await gateway.dial();
    await idle.write(new TextEncoder().encode("GET /large HTTP/1.1\r\nHost: app.test\r\n\r\n"));
    // It has come to a stop when nothing more is sent while another request is served.
    for (let before = -1; before !== sent || sent === 0;) {
      before = sent;
      const small = http1(gateway, { path: "/small" });
      small.end();
      await small.answer.over;
    }
    expect(sent).toBeLessThan(1000 * SIZE);
    idle.close();
  });
});

describe("A connection to a service", () => {
  it("serves one request after another", async () => {
    let connections = 0;
    await using service = await HttpService.start((_incoming, outgoing) => void outgoing.end("ok"));
    service.server.on("connection", () => connections++);
    await using gateway = await startTestGateway(routeTo(service.url));
    for (let i = 0; i < 3; i++) {
      const { answer, end } = http1(gateway, {});
      end();
      await answer.over;
      expect(answer.body).toBe("ok");
    }
    expect(connections).toBe(1);
  });

  it("that the service has closed is not used again", async () => {
    let open = 0;
    await using service = await HttpService.start((_incoming, outgoing) => void outgoing.end("ok"));
    service.server.on("connection", (socket) => {
      open++;
      socket.on("close", () => open--);
    });
    await using gateway = await startTestGateway(routeTo(service.url));
    for (let i = 0; i < 3; i++) {
      const { answer, end } = http1(gateway, { method: "POST" });
      end();
      await answer.over;
      expect(answer.status).toBe(200);
      service.server.closeIdleConnections();
      await until(() => open === 0);
    }
  });
});
