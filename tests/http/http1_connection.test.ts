import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { streamWith } from "../../lib/base/stream_with.ts";
import { HttpEdge } from "../../lib/http/edge.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { until } from "../_support/until.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { edgeOf, factsOf, HttpClient, LIMITS } from "./_edge.ts";

type Fetch = Parameters<typeof edgeOf>[0];

const GET = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/** Lets `run` answer every request. */
function forwarding(run: (exchange: Exchange) => Promise<void>): Fetch {
  return (_request, bindings) => {
    bindings.forward(run);
    return new Response(null);
  };
}

/** Answers with what the application said, and drops the date. */
async function answerTo(request: string, fetch: Fetch): Promise<string> {
  const { connect, edge } = edgeOf(fetch);
  const client = connect();
  await client.send(request);
  await client.ended;
  client.stream.close();
  await until(() => edge.size === 0);
  return client.received.replace(/\r\ndate: [^\r]+ GMT/gi, "");
}

const closing = (method: string, version = "1.1") =>
  `${method} / HTTP/${version}\r\nhost: x\r\nconnection: close\r\n\r\n`;

describe("An answer over HTTP/1.1", () => {
  it("goes out in one piece: head, body and end", async () => {
    const [far, near] = memoryPair();
    const pieces: string[] = [];
    const stream = streamWith(near, {
      write(bytes) {
        pieces.push(new TextDecoder().decode(bytes));
        return near.write(bytes);
      },
    });
    const edge = new HttpEdge({
      fetch: forwarding(async (exchange) => {
        exchange.respond({ status: 200, headers: [], isLast: false, more: true });
        await exchange.write(utf8("a"), { more: true });
        await exchange.write(utf8("bc"), { more: true });
        await exchange.end(["X-T", "1"]);
      }),
      limits: LIMITS,
      clock: new ManualClock(),
      log: silentLog,
    });
    edge.serve({ facts: factsOf("http/1.1"), stream });
    const client = new HttpClient(far);
    await client.send(GET);
    await until(() => client.received.endsWith("\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\nX-T: 1\r\n\r\n"));
    expect(pieces).toHaveLength(1);
    edge.close();
  });

  it("is heard piece by piece when nothing more is said to follow", async () => {
    const next = Promise.withResolvers<void>();
    const { connect, edge } = edgeOf(forwarding(async (exchange) => {
      exchange.respond({ status: 200, headers: [], isLast: false });
      await next.promise;
      await exchange.write(utf8("a"));
      await new Promise(() => {});
    }));
    const client = connect();
    await client.send(GET);
    await until(() => client.received.endsWith("chunked\r\n\r\n"));
    next.resolve();
    await until(() => client.received.endsWith("1\r\na\r\n"));
    edge.close();
  });

  it.each<[string, string, Parameters<Exchange["respond"]>[0], string, string]>([
    [
      "with a length as it is",
      closing("GET"),
      { status: 200, headers: ["Content-Length", "2"], isLast: false },
      "ab",
      [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nconnection: close\r\n\r\nab",
      ].join(),
    ],
    [
      "that ends at its head with a length of 0",
      closing("GET"),
      { status: 200, headers: [], isLast: true },
      "",
      [
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
      ].join(),
    ],
    [
      "with 204 without length or body",
      closing("GET"),
      {
        status: 204,
        headers: ["Content-Length", "5", "A", "b"],
        isLast: false,
      },
      "dropped",
      "HTTP/1.1 204 No Content\r\nA: b\r\nconnection: close\r\n\r\n",
    ],
    [
      "with 304 with its length and no body",
      closing("GET"),
      {
        status: 304,
        headers: ["Content-Length", "5"],
        isLast: true,
      },
      "",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nconnection: close\r\n\r\n",
    ],
    [
      "to HEAD with its length and no body",
      closing("HEAD"),
      {
        status: 200,
        headers: ["Content-Length", "5"],
        isLast: false,
      },
      "dropped",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nconnection: close\r\n\r\n",
    ],
    [
      "to HTTP/1.0 until the end of the connection",
      "GET / HTTP/1.0\r\nhost: x\r\n\r\n",
      {
        status: 200,
        headers: [],
        isLast: false,
      },
      "abc",
      "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc",
    ],
  ])("is framed: %s", async (_, request, head, body, expected) => {
    const answer = await answerTo(
      request,
      forwarding(async (exchange) => {
        exchange.respond(head);
        if (body !== "") await exchange.write(utf8(body));
        if (!head.isLast) await exchange.end([]);
      }),
    );
    expect(answer).toBe(expected);
  });

  it("says when, unless the service does", async () => {
    const datesIn = async (headers: string[]) => {
      const { connect, edge } = edgeOf(forwarding(async (exchange) => {
        exchange.respond({ status: 200, headers, isLast: true });
        await Promise.resolve();
      }));
      const client = connect();
      await client.send(closing("GET"));
      await client.ended;
      client.stream.close();
      edge.close();
      return client.received.match(/\r\ndate: .+/gi);
    };
    expect(await datesIn([])).toEqual([
      expect.stringMatching(/^\r\ndate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT/),
    ]);
    expect(await datesIn(["Date", "then"])).toEqual(["\r\nDate: then"]);
  });

  it("says once when, and no length, where a service gives a 204 both", async () => {
    const { connect, edge } = edgeOf(forwarding((exchange) => {
      exchange.respond({ status: 204, headers: ["Content-Length", "0", "Date", "then"], isLast: true });
      return Promise.resolve();
    }));
    const client = connect();
    await client.send(closing("GET"));
    await client.ended;
    expect(client.received).toBe("HTTP/1.1 204 No Content\r\nDate: then\r\nconnection: close\r\n\r\n");
    client.stream.close();
    edge.close();
  });

  it.each<[string, string[], string]>([
    ["longer than it says", ["content-length", "1"], "ab"],
    ["shorter than it says", ["content-length", "3"], "ab"],
  ])("that is %s is broken off", async (_, headers, body) => {
    const failed = Promise.withResolvers<unknown>();
    const { connect, edge } = edgeOf(forwarding(async (exchange) => {
      exchange.respond({ status: 200, headers, isLast: false });
      try {
        await exchange.write(utf8(body));
        await exchange.end([]);
      } catch (error) {
        failed.resolve(error);
        exchange.abort();
      }
    }));
    const client = connect();
    await client.send(GET + GET);
    expect(await failed.promise).toBeInstanceOf(Error);
    await client.ended;
    expect(client.received.match(/HTTP\/1\.1/g) ?? []).toHaveLength(1);
    await until(() => edge.size === 0);
  });

  it.each<[string, string[]]>([
    ["a line end in a value", ["A", "b\r\nSet-Cookie: c"]],
    ["a line end in a name", ["A\r\nB", "c"]],
    ["two lengths", ["content-length", "1", "Content-Length", "2"]],
  ])("with %s is not sent", async (_, headers) => {
    const failed = Promise.withResolvers<unknown>();
    const { connect, edge } = edgeOf(forwarding((exchange) => {
      try {
        exchange.respond({ status: 200, headers, isLast: true });
      } catch (error) {
        failed.resolve(error);
        exchange.abort();
      }
      return Promise.resolve();
    }));
    const client = connect();
    await client.send(GET);
    expect(await failed.promise).toBeInstanceOf(TypeError);
    await client.ended;
    expect(client.received).toBe("");
    await until(() => edge.size === 0);
  });
});

describe("A connection of HTTP/1.1", () => {
  it("serves one request at a time, and keeps what is sent ahead", async () => {
    const answers: (() => void)[] = [];
    const { connect, edge } = edgeOf(async (request) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return new Response(new URL(request.url).pathname);
    });
    const client = connect();
    const post = "POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc";
    await client.send(`${post}${GET.replace("/", "/2")}${GET.replace("/", "/3")}`);
    await until(() => answers.length === 1);
    await new Promise((resolve) => setTimeout(resolve));
    expect(answers).toHaveLength(1);
    answers[0]!();
    await until(() => answers.length === 2);
    expect(client.received.endsWith("/1")).toBe(true);
    answers[1]!();
    await until(() => answers.length === 3);
    answers[2]!();
    await until(() => client.received.endsWith("/3"));
    edge.close();
  });

  it("ends after an answer to a request that nobody has read whole", async () => {
    const { connect, edge } = edgeOf(() => new Response("no"));
    const client = connect();
    await client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc");
    await client.ended;
    expect(client.received).toContain("connection: close\r\n");
    expect(client.received.endsWith("\r\n\r\nno")).toBe(true);
    client.stream.close();
    await until(() => edge.size === 0);
  });

  it("does not tell a client to go on whose body nobody reads", async () => {
    const { connect, edge } = edgeOf(() => new Response("no", { status: 403 }));
    const client = connect();
    await client.send("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
    await until(() => client.received.endsWith("no"));
    expect(client.received).toMatch(/^HTTP\/1\.1 403 /);
    client.stream.close();
    edge.close();
  });

  it("refuses a body that is none where the application has not answered yet", async () => {
    const { connect, edge } = edgeOf(async (request) => new Response(await request.text()));
    const client = connect();
    await client.send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx\r\n");
    await client.ended;
    expect(client.received).not.toContain("200");
    client.stream.close();
    await until(() => edge.size === 0);
  });

  it("forgets a request whose client goes away while it is served", async () => {
    const gone = Promise.withResolvers<void>();
    const { connect, edge, clock } = edgeOf(forwarding(async (exchange) => {
      if (!exchange.signal.aborted) {
        await new Promise((resolve) => exchange.signal.addEventListener("abort", resolve));
      }
      gone.resolve();
    }));
    const client = connect();
    await client.send(GET);
    client.stream.close();
    await gone.promise;
    await until(() => edge.size === 0);
    expect(clock.pending).toBe(0);
  });

  it("closes when more waits behind a request than a head may be long", async () => {
    const { connect, edge } = edgeOf(forwarding(async (exchange) => {
      await new Promise((resolve) => exchange.signal.addEventListener("abort", resolve));
    }));
    const client = connect();
    await client.send(GET);
    await client.send(`${GET}${"x".repeat(70_000)}`);
    await client.ended;
    expect(client.received).toBe("");
    await until(() => edge.size === 0);
  });

  it("gives the method to the application as it is, whichever", async () => {
    const methods: string[] = [];
    const { connect, edge } = edgeOf((request) => {
      methods.push(request.method);
      return new Response(null, { status: 204 });
    });
    const client = connect();
    for (const method of ["TRACE", "PURGE", "M-SEARCH"]) await client.send(GET.replace("GET", method));
    await until(() => methods.length === 3);
    expect(methods).toEqual(["TRACE", "PURGE", "M-SEARCH"]);
    edge.close();
  });

  it.each<[string, (exchange: Exchange) => Promise<void>]>([
    ["a piece", (exchange) => exchange.write(new Uint8Array(20_000))],
    ["the end", (exchange) => exchange.end([])],
  ])("says that the client has gone when it does not take %s", async (_, send) => {
    const said = Promise.withResolvers<boolean>();
    const [, near] = memoryPair();
    const edge = new HttpEdge({
      fetch: forwarding(async (exchange) => {
        exchange.respond({ status: 200, headers: [], isLast: false, more: true });
        await send(exchange).catch(() => said.resolve(exchange.signal.aborted));
      }),
      ...{ limits: LIMITS, clock: new ManualClock(), log: silentLog },
    });
    const given = [utf8(GET)];
    const read = (into: Uint8Array) => {
      const bytes = given.shift();
      if (bytes === undefined) return new Promise<null>(() => {});
      into.set(bytes);
      return Promise.resolve(bytes.length);
    };
    const write = () => Promise.reject(new Error("a broken pipe"));
    edge.serve({ facts: factsOf("http/1.1"), stream: streamWith(near, { read, write }) });
    expect(await said.promise).toBe(true);
    await edge.empty();
  });

  it("ends after the request that is under way when it is drained", async () => {
    const answer = Promise.withResolvers<void>();
    const { connect, edge } = edgeOf(forwarding(async (exchange) => {
      await answer.promise;
      exchange.respond({ status: 204, headers: [], isLast: true });
    }));
    const client = connect();
    await client.send(GET);
    await new Promise((resolve) => setTimeout(resolve));
    edge.drain();
    answer.resolve();
    await client.ended;
    expect(client.received).toMatch(/^HTTP\/1\.1 204 [^]*\r\nconnection: close\r\n\r\n$/);
    await edge.empty();
  });

  it("gives the first head its time from the beginning of the connection, not from its first byte", async () => {
    const { connect, edge, clock } = edgeOf(() => new Response("ok"));
    const client = connect();
    clock.advance(LIMITS.headTimeoutMs - 1);
    await client.send("GET");
    await new Promise((resolve) => setTimeout(resolve));
    clock.advance(1);
    await client.ended;
    expect(client.received).toMatch(/^HTTP\/1\.1 408 /);
    client.stream.close();
    await until(() => edge.size === 0);
  });

  it("has the application answer when what goes past it fails, and says so", async () => {
    const errors: string[] = [];
    const [far, near] = memoryPair();
    const edge = new HttpEdge({
      fetch: () => new Response("ok"),
      direct: () => Promise.reject(new Error("a defect")),
      limits: LIMITS,
      clock: new ManualClock(),
      log: { ...silentLog, error: (message) => errors.push(message) },
    });
    edge.serve({ facts: factsOf("http/1.1"), stream: near });
    const client = new HttpClient(far);
    await client.send(GET);
    await until(() => client.received.endsWith("ok"));
    expect(errors).toEqual(["a request handler failed"]);
    edge.close();
  });

  it.each<[string, string, number]>([
    ["an empty line before a request", `\r\n${closing("GET")}`, 200],
    ["no more than one", `\r\n\r\n${closing("GET")}`, 400],
  ])("takes %s", async (_, request, status) => {
    const answer = await answerTo(request, () => new Response("ok"));
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it("takes no upgrade from HTTP/1.0, which has none", async () => {
    const request = "GET / HTTP/1.0\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    const answer = await answerTo(request, (_request, { upgrade }) => new Response(String(upgrade)));
    expect(answer).toMatch(/\r\n\r\nnull$/);
  });

  it("takes an upgrade that says that it has no body", async () => {
    const { connect } = edgeOf((_request, bindings) => new Response(bindings.upgrade));
    const client = connect();
    await client.send(
      "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\ncontent-length: 0\r\n\r\n",
    );
    await client.ended;
    expect(client.received).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nx$/);
    client.stream.close();
  });
});
