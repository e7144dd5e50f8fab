import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { main } from "../../lib/cli/main.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { makeCertificates } from "../client/_certificates.ts";
import { echoTunnel, readText, respond, startGateway } from "../client/_scripted_gateway.ts";
import { type FakeIo, fakeIo, type FakeIoOptions } from "./_fake_io.ts";
import { browserOf, type SigningGateway, startSigningGateway } from "./_gateway.ts";

const ROUTE = "redis.example.com:6379";

let gateway: SigningGateway;
let cache: string;
beforeEach(async () => {
  gateway = startSigningGateway();
  cache = await Deno.makeTempDir();
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await Deno.remove(cache, { recursive: true });
});

function process(options: FakeIoOptions = {}): FakeIo {
  return fakeIo({ ...browserOf(gateway), env: { XDG_CACHE_HOME: cache }, ...options });
}

function tcp(io: FakeIo, ...args: string[]): Promise<number> {
  return main(["tcp", ROUTE, "--gateway-url", gateway.url, ...args], io);
}

async function dial(io: FakeIo): Promise<ByteStream> {
  const [, port] = await io.printed(/^listening on 127\.0\.0\.1:(\d+)$/m);
  return denoStream(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
}

async function ask(stream: ByteStream, question: string): Promise<string> {
  await stream.write(utf8(question));
  await stream.closeWrite();
  const answer = await readText(stream);
  stream.close();
  return answer;
}

describe("sallyport tcp with a listener", () => {
  it("signs in once for several connections at the same time, and ends well when interrupted", async () => {
    const io = process();
    const exit = tcp(io);
    const streams = await Promise.all([dial(io), dial(io), dial(io)]);
    expect(await Promise.all(streams.map((stream, i) => ask(stream, `PING ${i}`)))).toEqual([
      "PING 0",
      "PING 1",
      "PING 2",
    ]);
    expect(io.started).toHaveLength(1);
    io.interrupt();
    expect(await exit).toBe(0);
    expect(io.out()).toBe("");
    expect(io.err()).not.toContain("error:");
  });

  it("needs no sign-in the next time", async () => {
    const first = process();
    const firstExit = tcp(first);
    await ask(await dial(first), "x");
    first.interrupt();
    await firstExit;
    const second = process();
    const secondExit = tcp(second);
    expect(await ask(await dial(second), "again")).toBe("again");
    second.interrupt();
    expect(await secondExit).toBe(0);
    expect(second.started).toHaveLength(0);
  });

  it("signs in again when the session was ended at the gateway, without losing the connection", async () => {
    const io = process();
    const exit = tcp(io);
    await ask(await dial(io), "x");
    gateway.tokens.length = 0;
    expect(await ask(await dial(io), "after")).toBe("after");
    expect(io.started).toHaveLength(2);
    io.interrupt();
    expect(await exit).toBe(0);
  });

  it("says why a connection failed, with what to quote, and goes on", async () => {
    let status = 403;
    await using strict = startGateway((_, stream) =>
      status === 200 ? echoTunnel(stream) : respond(stream, status)
    );
    const io = process({ env: { XDG_CACHE_HOME: cache, SALLYPORT_SERVICE_ACCOUNT: "opaque" } });
    const exit = main(["tcp", ROUTE, "--pomerium-url", strict.url], io);
    const refused = await dial(io);
    expect(await readText(refused)).toBe("");
    refused.close();
    expect(io.err().replace(/^listening.*\n/m, "")).toBe(
      "error: Cannot open a tunnel to redis.example.com:6379: you are signed in, but may not use this route (status 403)\n" +
        "hint: ask whoever runs the gateway, and quote the request id\n",
    );
    status = 200;
    expect(await ask(await dial(io), "now")).toBe("now");
    expect(strict.requests.map(({ authorization }) => authorization)).toEqual([
      "Pomerium opaque",
      "Pomerium opaque",
    ]);
    io.interrupt();
    expect(await exit).toBe(0);
  });

  it("warns when everybody can connect", async () => {
    const io = process();
    const exit = tcp(io, "--listen", ":0");
    await io.printed(/^warning: whoever can reach this port[^]*^listening on 0\.0\.0\.0:\d+$/m);
    io.interrupt();
    expect(await exit).toBe(0);
  });

  it("fails when the port is taken", async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const io = process();
    expect(await tcp(io, "--listen", `127.0.0.1:${taken.addr.port}`)).toBe(1);
    expect(io.err()).toMatch(/^error: Cannot listen on 127\.0\.0\.1:\d+: .*\nhint: choose another port/);
  });

  it("keeps tokens in memory when there is no home, after a warning", async () => {
    const io = process({ env: {} });
    const exit = tcp(io);
    expect(await ask(await dial(io), "x")).toBe("x");
    expect(io.err()).toContain("warning: Signing in will not be remembered");
    io.interrupt();
    expect(await exit).toBe(0);
  });

  it("only prints the sign-in page with --no-browser", async () => {
    const io = process();
    const exit = tcp(io, "--no-browser");
    const answer = dial(io).then((stream) => ask(stream, "x"));
    const [url] = await io.printed(/^http:.*\/sign-in\?to=.*$/m);
    expect(io.started).toHaveLength(0);
    await gateway.browse(url);
    expect(await answer).toBe("x");
    io.interrupt();
    expect(await exit).toBe(0);
  });

  it("goes on when the browser cannot be started", async () => {
    const io = process({ onStart: () => Promise.reject(new Error("no such program")) });
    const exit = tcp(io, "--browser-cmd", "my-browser --new");
    const answer = dial(io).then((stream) => ask(stream, "x"));
    await io.printed(/^warning: the browser cannot be started: no such program$/m);
    expect(io.started).toEqual([{ program: "my-browser", args: ["--new", expect.stringMatching(/^http:/)] }]);
    await gateway.browse(io.started[0]!.args.at(-1)!);
    expect(await answer).toBe("x");
    io.interrupt();
    expect(await exit).toBe(0);
  });
});

describe("sallyport tcp --listen -", () => {
  it("answers what was piped in, although that has ended, and prints nothing else", async () => {
    const [shell, stdio] = memoryPair();
    const io = process({ stdio });
    const exit = tcp(io, "--listen", "-");
    expect(await ask(shell, "PING\r\n")).toBe("PING\r\n");
    expect(await exit).toBe(0);
    expect(io.out()).toBe("");
  });

  it("ends when the service does, although more could be typed", async () => {
    await using greeter = startGateway((_, stream) => stream.write(utf8("HTTP/1.1 200 OK\r\n\r\nbye")));
    const [shell, stdio] = memoryPair();
    const io = process({ stdio });
    const exit = main(["tcp", ROUTE, "--gateway-url", greeter.url, "--listen", "-"], io);
    expect(await readText(shell)).toBe("bye");
    expect(await exit).toBe(0);
  });

  it("fails when there is no tunnel", async () => {
    await using down = startGateway((_, stream) => respond(stream, 503));
    const io = process({ stdio: memoryPair()[1] });
    expect(await main(["tcp", ROUTE, "--gateway-url", down.url, "--listen", "-"], io)).toBe(1);
    expect(io.err()).toBe(
      "error: Cannot open a tunnel to redis.example.com:6379: the service behind the gateway does not answer (status 503)\n" +
        "hint: try again later; you do not need to sign in again\n",
    );
  });

  it("gives up a sign-in when interrupted", async () => {
    const io = process({ stdio: memoryPair()[1] });
    const exit = tcp(io, "--listen", "-", "--no-browser");
    await io.printed(/sign-in/);
    io.interrupt();
    expect(await exit).toBe(0);
  });

  it("fails, and keeps no token, when the gateway refuses a service account", async () => {
    const io = process({ stdio: memoryPair()[1], files: { "sa.txt": " opaque\n" } });
    expect(await tcp(io, "--listen", "-", "--service-account-file", "sa.txt")).toBe(1);
    expect(io.err()).toMatch(/^error: The gateway does not accept the token of the service account\nhint: /);
    expect(io.started).toHaveLength(0);
    expect([...Deno.readDirSync(cache)]).toEqual([]);
  });
});

describe("sallyport tcp when the other end ends the tunnel", () => {
  const WHY = JSON.stringify({ reason: "no-longer-allowed", sentence: "it is over", detail: "revision 3" });

  interface Ending {
    readonly status?: number;
    readonly body?: string;
    /** How much later the process takes the end to be than the beginning; default 1,000. */
    readonly lifeMs?: number;
  }

  /** A tunnel that greets and then ends, and what the gateway answers when it is asked about that. */
  async function ended(args: readonly string[], { status = 200, body = WHY, lifeMs = 1000 }: Ending = {}) {
    const end = Promise.withResolvers<void>();
    const other = startGateway(async ({ method }, stream) => {
      if (method === "GET") return await respond(stream, status, body);
      await stream.write(utf8("HTTP/1.1 200 OK\r\nX-Request-Id: req-1\r\n\r\nhello"));
      await end.promise;
    });
    const [shell, stdio] = memoryPair();
    let nowMs = 1_800_000_000_000;
    const io: FakeIo = { ...process({ stdio }), now: () => nowMs };
    const command = ["tcp", ROUTE, "--gateway-url", other.url, "--service-account", "opaque", ...args];
    const exit = main(command, io);
    const program = args.includes("-") ? shell : await dial(io);
    await program.read(new Uint8Array(5));
    nowMs += lifeMs;
    end.resolve();
    expect(await readText(program)).toBe("");
    program.close();
    return { io, exit, other };
  }

  it("prints the gateway's reason with --listen -, and fails", async () => {
    const { io, exit, other } = await ended(["--listen", "-"]);
    await using _ = other;
    expect(await exit).toBe(1);
    expect(io.err()).toBe("tunnel to redis.example.com:6379 closed: it is over (revision 3)\n");
    const { target, authorization } = other.requests[1]!;
    expect([target, authorization]).toEqual(["/.pomerium/api/v1/tunnels/req-1", "Pomerium opaque"]);
  });

  it("prints it for a connection to a listener, and goes on", async () => {
    const { io, exit, other } = await ended([]);
    await using _ = other;
    await io.printed(/^tunnel to redis\.example\.com:6379 closed: it is over \(revision 3\)$/m);
    expect(await ask(await dial(io), "")).toBe("hello");
    io.interrupt();
    expect(await exit).toBe(0);
    expect(io.err()).not.toContain("error:");
  });

  it.each<[string, Ending, number]>([
    ["the service closed first", { body: `{"reason":"completed","sentence":null,"detail":null}` }, 2],
    ["the gateway does not know", { status: 404 }, 2],
    ["the gateway sends to a sign-in", { status: 302 }, 2],
    ["it was short, without asking", { lifeMs: 0 }, 1],
  ])("prints nothing when %s", async (_title, ending, requests) => {
    const { io, exit, other } = await ended(["--listen", "-"], ending);
    await using _ = other;
    expect(await exit).toBe(0);
    expect(io.err()).toBe("");
    expect(other.requests).toHaveLength(requests);
  });
});

describe("sallyport tcp over TLS", () => {
  it("trusts the authority of --alternate-ca-path or --ca-cert, and believes anything only after a warning", async () => {
    const certificates = await makeCertificates("localhost");
    await using tls = startGateway((_, stream) => echoTunnel(stream), certificates);
    async function attempt(...args: string[]) {
      const [shell, stdio] = memoryPair();
      const io = process({ stdio, files: { "ca.pem": certificates.caPem } });
      const exit = main(["tcp", ROUTE, "--gateway-url", tls.url, "--listen", "-", ...args], io);
      const answer = await Promise.race([ask(shell, "x"), exit.then(() => "no tunnel")]);
      shell.close();
      return { answer, code: await exit, err: io.err() };
    }
    expect(await attempt("--alternate-ca-path", "ca.pem")).toEqual({ answer: "x", code: 0, err: "" });
    expect(await attempt("--ca-cert", btoa(certificates.caPem))).toEqual({ answer: "x", code: 0, err: "" });
    const unverified = await attempt("--disable-tls-verification");
    expect(unverified).toMatchObject({ answer: "x", code: 0 });
    expect(unverified.err).toMatch(/^warning: --disable-tls-verification: /);
    const refused = await attempt();
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/its certificate is not trusted\nhint: .*--alternate-ca-path\n$/);
  });
});
