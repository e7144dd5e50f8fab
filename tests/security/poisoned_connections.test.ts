import { describe, expect, it, vi } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { streamWith } from "../../lib/base/stream_with.ts";
import { Http1Connections } from "../../lib/http/forward/http1_connections.ts";
import { requestHttp1 } from "../../lib/http/forward/http1_service.ts";
import type { ServiceRequest, ServiceResponse } from "../../lib/http/forward/service_request.ts";
import type { Grant } from "../../lib/policy/grant.ts";
import type { UpstreamConnection } from "../../lib/upstream/upstream_connection.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { edgeOf, factsOf } from "../http/_edge.ts";
import { until } from "../_support/until.ts";

/** A client of a service whose connections are those given, one after the other. */
function clientOf(...streams: ByteStream[]) {
  const connections = new Http1Connections(() =>
    Promise.resolve({ stream: streams.shift()! } as UpstreamConnection)
  );
  return (request: Partial<ServiceRequest> = {}): Promise<ServiceResponse> =>
    requestHttp1({
      ...{ method: "GET", path: "/", host: "a.test", headers: [], body: null },
      ...{ signal: new AbortController().signal, onInform() {}, onSent() {}, onComplete() {} },
      ...request,
    }, { connections, grant: {} as Grant });
}

/** A stream that says `text` and then nothing; `isClosed` once it is closed. */
class Service implements ByteStream {
  written = "";
  isClosed = false;
  readonly #said: Uint8Array[] = [];
  #waiting: ((count: number) => void) | null = null;
  #into = new Uint8Array(0);
  /** Of the read that is under way. */
  reading: Promise<number> = Promise.resolve(0);

  say(text: string): void {
    this.#said.push(utf8(text));
    this.#give();
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    this.#into = into;
    this.reading = new Promise((resolve) => (this.#waiting = resolve));
    this.#give();
    return this.reading;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.written += new TextDecoder().decode(bytes);
    return Promise.resolve();
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }

  #give(): void {
    const bytes = this.#said[0];
    if (bytes === undefined || this.#waiting === null) return;
    this.#said.shift();
    this.#into.set(bytes);
    this.#waiting(bytes.length);
    this.#waiting = null;
  }
}

async function textOf(answer: ServiceResponse): Promise<string> {
  let text = "";
  for (let piece = await answer.read(); piece !== null; piece = await answer.read()) {
    text += new TextDecoder().decode(piece);
  }
  return text;
}

describe("A connection to a service serves no other request", () => {
  it.each<[string, string]>([
    ["a length", "Content-Length: 5\r\n"],
    ["chunks", "Transfer-Encoding: chunked\r\n"],
  ])("after a 204 that announces %s", async (_, fields) => {
    const service = new Service();
    const ask = clientOf(service);
    service.say(`HTTP/1.1 204 No Content\r\n${fields}\r\n`);
    expect((await ask()).isLast).toBe(true);
    expect(service.isClosed).toBe(true);
  });

  it.each<[string, boolean]>([
    ["Negotiate YII=", true],
    ["NTLM TlRMTVNTUAAB", true],
    ["negotiate", true],
    ["Basic Og==", false],
  ])("once somebody has signed it in: %s", async (value, isOver) => {
    const service = new Service();
    const ask = clientOf(service);
    service.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    await ask({ headers: ["Authorization", value] });
    expect(service.isClosed).toBe(isOver);
  });

  it("when something came on it that nobody has looked at yet", async () => {
    const [poisoned, fresh] = [new Service(), new Service()];
    const ask = clientOf(poisoned, fresh);
    poisoned.say("HTTP/1.1 204 No Content\r\n\r\n");
    await ask();
    await until(() => poisoned.written !== "");
    const other = poisoned.reading.then(() => ask({ path: "/other" })).then(textOf);
    poisoned.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    fresh.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
    expect(await other).toBe("good");
    expect(poisoned.isClosed).toBe(true);
  });

  it("when it took only a part of a body, and is not kept open either", async () => {
    const service = new Service();
    let isBroken = false;
    const write = (bytes: Uint8Array) =>
      isBroken ? Promise.reject(new Error("a broken pipe")) : service.write(bytes);
    const ask = clientOf(streamWith(service, { write }));
    const left = ["a", "b"];
    let isComplete = false;
    service.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\n");
    const answer = await ask({
      method: "POST",
      body: {
        read() {
          isBroken = left.length < 2;
          const piece = left.shift();
          return Promise.resolve(piece === undefined ? null : utf8(piece));
        },
        trailers: [],
        waits: false,
      },
      onComplete: () => (isComplete = true),
    });
    await until(() => isComplete);
    service.say("no");
    expect(await textOf(answer)).toBe("no");
    expect(service.isClosed).toBe(true);
  });
});

describe("A client that takes no answer of the gateway's own loses its connection", () => {
  it.each<[string, string]>([
    ["to a request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["to what is no request", "GET / HTTP/9.9\r\n\r\n"],
  ])("%s", async (_, request) => {
    vi.useFakeTimers();
    try {
      const { edge } = edgeOf(() => new Response("ok"));
      const [far, near] = memoryPair();
      let isClosed = false;
      const close = () => {
        isClosed = true;
        near.close();
      };
      edge.serve({ facts: factsOf("http/1.1"), stream: streamWith(near, { close }) });
      await far.write(utf8(request));
      await vi.advanceTimersByTimeAsync(29_000);
      expect(isClosed).toBe(false);
      await vi.advanceTimersByTimeAsync(1000);
      expect([isClosed, edge.size]).toEqual([true, 0]);
    } finally {
      vi.useRealTimers();
    }
  });
});
