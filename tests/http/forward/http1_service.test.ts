import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../../lib/base/byte_stream.ts";
import { utf8 } from "../../../lib/base/bytes.ts";
import { Http1Connections } from "../../../lib/http/forward/http1_connections.ts";
import { requestHttp1 } from "../../../lib/http/forward/http1_service.ts";
import { ServiceBroken, type ServiceRequest } from "../../../lib/http/forward/service_request.ts";
import type { Grant } from "../../../lib/policy/grant.ts";
import type { UpstreamConnection } from "../../../lib/upstream/upstream_connection.ts";
import { memoryPair } from "../../base/_memory_stream.ts";
import { until } from "../../_support/until.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GRANT = {} as Grant;

/** The service's end of a connection. */
class Service {
  received = "";
  isClosed = false;
  readonly #stream: ByteStream;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    void this.#read().catch(() => {}).finally(() => (this.isClosed = true));
  }

  async say(text: string): Promise<void> {
    await this.#stream.write(utf8(text)).catch(() => {});
  }

  close(): void {
    this.#stream.close();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(1024);
    for (
      let count = await this.#stream.read(buffer);
      count !== null;
      count = await this.#stream.read(buffer)
    ) {
      this.received += new TextDecoder().decode(buffer.subarray(0, count));
    }
  }
}

function connectionsOf({ keeps = true } = {}) {
  const services: Service[] = [];
  const connections = new Http1Connections(() => {
    const [far, near] = memoryPair();
    services.push(new Service(far));
    return Promise.resolve({ stream: near } as UpstreamConnection);
  }, { keeps });
  const ask = (request: Partial<ServiceRequest> = {}) =>
    requestHttp1(requestOf(request), { connections, grant: GRANT });
  return { services, ask };
}

function requestOf(more: Partial<ServiceRequest>): ServiceRequest {
  return {
    method: "GET",
    path: "/",
    host: "a.test",
    headers: [],
    body: null,
    signal: new AbortController().signal,
    onInform: () => {},
    onSent: () => {},
    onComplete: () => {},
    ...more,
  };
}

function bodyOf(...pieces: string[]): NonNullable<ServiceRequest["body"]> {
  const left = pieces.map((piece) => utf8(piece));
  return { read: () => Promise.resolve(left.shift() ?? null), trailers: [], waits: false };
}

/** One whole exchange on connection `index`. */
async function exchange({ services, ask }: ReturnType<typeof connectionsOf>, index: number): Promise<string> {
  const asked = ask();
  await until(() => services[index]?.received.endsWith("\r\n\r\n") ?? false);
  await services[index]!.say(OK);
  const answer = await asked;
  let body = "";
  for (let piece = await answer.read(); piece !== null; piece = await answer.read()) {
    body += new TextDecoder().decode(piece);
  }
  return body;
}

describe("requestHttp1()", () => {
  it("asks again on the same connection, and not on one that a service has spoken on unasked", async () => {
    const all = connectionsOf();
    expect(await exchange(all, 0)).toBe("ok");
    all.services[0]!.received = "";
    expect(await exchange(all, 0)).toBe("ok");
    await all.services[0]!.say("H");
    await until(() => all.services[0]!.isClosed);
    expect(await exchange(all, 1)).toBe("ok");
  });

  it("gives a connection that is not to be kept up", async () => {
    const all = connectionsOf({ keeps: false });
    expect(await exchange(all, 0)).toBe("ok");
    await until(() => all.services[0]!.isClosed);
  });

  it.each<[string, string]>([
    ["says that it ends", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
    ["is of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["is followed by more", `${OK}HTTP/1.1`],
  ])("does not ask again after an answer that %s", async (_, text) => {
    const { services, ask } = connectionsOf();
    const asked = ask();
    await until(() => services.length === 1 && services[0]!.received !== "");
    await services[0]!.say(text);
    const answer = await asked;
    while (await answer.read() !== null);
    await until(() => services[0]!.isClosed);
  });

  it.each<[string, Partial<ServiceRequest>, boolean]>([
    ["a GET", {}, true],
    ["a DELETE", { method: "DELETE" }, true],
    ["a POST", { method: "POST" }, false],
    ["a PUT with a body", { method: "PUT", body: bodyOf("abc") }, false],
  ])(
    "says of %s whether it may be sent again when a kept connection breaks: %#",
    async (_, request, isSafe) => {
      const all = connectionsOf();
      await exchange(all, 0);
      all.services[0]!.received = "";
      const asked = all.ask(request).catch((error) => error);
      await until(() => all.services[0]!.received !== "");
      all.services[0]!.close();
      const error = await asked;
      expect(error).toBeInstanceOf(ServiceBroken);
      expect(error.isSafe).toBe(isSafe);
    },
  );

  it("may not be sent again on a fresh connection, nor once an answer has begun", async () => {
    const all = connectionsOf();
    const fresh = all.ask().catch((error) => error);
    await until(() => all.services[0]?.received !== "" && all.services.length === 1);
    all.services[0]!.close();
    expect((await fresh).isSafe).toBe(false);
    await exchange(all, 1);
    all.services[1]!.received = "";
    const begun = all.ask().catch((error) => error);
    await until(() => all.services[1]!.received !== "");
    await all.services[1]!.say("HTTP/1.1 2");
    all.services[1]!.close();
    expect((await begun).isSafe).toBe(false);
  });

  it.each<[string, string]>([
    ["is not HTTP", "SSH-2.0-x\r\n\r\n"],
    ["has a bare LF", "HTTP/1.1 200 OK\nSet-Cookie: a=b\r\n\r\n"],
    ["has two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    ["goes over to another protocol", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"],
    ["is too long", `HTTP/1.1 200 OK\r\nA: ${"b".repeat(70_000)}\r\n\r\n`],
  ])("refuses an answer that %s, and closes", async (_, text) => {
    const { services, ask } = connectionsOf();
    const asked = ask().catch((error) => error);
    await until(() => services.length === 1 && services[0]!.received !== "");
    void services[0]!.say(text);
    expect(await asked).toBeInstanceOf(ServiceBroken);
    await until(() => services[0]!.isClosed);
  });

  it.each<[string, ServiceRequest["headers"], string]>([
    ["chunks", [], "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"],
    ["a length that the caller said", ["Content-Length", "5"], "Content-Length: 5\r\n\r\nabcde"],
  ])("sends a body by %s", async (_, headers, expected) => {
    const { services, ask } = connectionsOf();
    const asked = ask({ method: "POST", headers, body: bodyOf("abc", "de") });
    await until(() => services[0]?.received.endsWith(expected) ?? false);
    await services[0]!.say(OK);
    expect((await asked).status).toBe(200);
  });

  it("never sends what would be another request", async () => {
    const { services, ask } = connectionsOf();
    await expect(ask({ path: "/a HTTP/1.1\r\nHost: b\r\n\r\n" })).rejects.toBeInstanceOf(RangeError);
    await expect(ask({ headers: ["A", "b\r\nC: d"] })).rejects.toBeInstanceOf(ServiceBroken);
    expect(services.map(({ received }) => received).join("")).toBe("");
  });

  it("breaks off when it is given up, and rejects", async () => {
    const { services, ask } = connectionsOf();
    const over = new AbortController();
    const asked = ask({ signal: over.signal }).catch((error) => error);
    await until(() => services.length === 1 && services[0]!.received !== "");
    over.abort();
    expect(await asked).toBeInstanceOf(ServiceBroken);
    await until(() => services[0]!.isClosed);
  });

  it("takes an answer that comes before the body is sent", async () => {
    const { services, ask } = connectionsOf();
    const more = Promise.withResolvers<Uint8Array | null>();
    const asked = ask({
      method: "POST",
      headers: ["Content-Length", "5"],
      body: { read: () => more.promise, trailers: [], waits: false },
    });
    await until(() => services[0]?.received.includes("\r\n\r\n") ?? false);
    await services[0]!.say("HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n");
    expect(await asked).toMatchObject({ status: 413, isLast: true });
    more.resolve(null);
  });

  it("asks for no body that the service has refused instead of asking for it", async () => {
    const { services, ask } = connectionsOf();
    const over = new AbortController();
    let asks = 0;
    const read = () => Promise.resolve((asks++, null));
    const asked = ask({ method: "POST", body: { read, trailers: [], waits: true }, signal: over.signal });
    await until(() => services[0]?.received.includes("\r\n\r\n") ?? false);
    await services[0]!.say("HTTP/1.1 401 x\r\nContent-Length: 0\r\n\r\n");
    expect(await asked).toMatchObject({ status: 401, isLast: true });
    await new Promise((resolve) => setTimeout(resolve));
    expect(asks).toBe(0);
    over.abort();
    await until(() => asks === 1);
  });

  it("knows whether more of an answer is there already", async () => {
    const { services, ask } = connectionsOf();
    const asked = ask();
    await until(() => services.length === 1 && services[0]!.received !== "");
    await services[0]!.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    const answer = await asked;
    expect(answer.isReady).toBe(true);
    expect(new TextDecoder().decode((await answer.read())!)).toBe("a");
    expect(answer.isReady).toBe(false);
    void services[0]!.say("0\r\nX-T: 1\r\n\r\n");
    expect(await answer.read()).toBeNull();
    expect([answer.isReady, answer.trailers]).toEqual([true, ["X-T", "1"]]);
  });

  it("says of a body that is none when it is read, and closes", async () => {
    const { services, ask } = connectionsOf();
    const asked = ask();
    await until(() => services.length === 1 && services[0]!.received !== "");
    await services[0]!.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n");
    const answer = await asked;
    expect(new TextDecoder().decode((await answer.read())!)).toBe("a");
    expect(answer.isReady).toBe(true);
    await expect(answer.read()).rejects.toMatchObject({ code: "codec/malformed" });
    await until(() => services[0]!.isClosed);
  });
});
