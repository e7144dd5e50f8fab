import { describe, expect, it } from "vitest";
import { http2Session } from "../_support/http2_session.ts";
import { dialHttp3 } from "../_support/http3.ts";
import { sendRaw, statuses } from "../_support/raw_http.ts";
import { serveTcp } from "../_support/echo.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { startTestGateway, until } from "../_support/test_gateway.ts";
import { ask, routeTo } from "../gateway/_http_route.ts";
import { gateway, service, useRawRoute } from "./_raw_route.ts";

const MIB = 1024 * 1024;

useRawRoute();

const HEAD = "POST /a HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n";
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

describe("What is too much in a request over HTTP/1.1 is refused, and the service never gets it whole:", () => {
  it.each<[string, string, number[]]>([
    ["a field of 100 KB", `${HEAD}X-Long: ${"a".repeat(100_000)}\r\n\r\n`, [431]],
    ["a name of 100 KB", `${HEAD}${"a".repeat(100_000)}: x\r\n\r\n`, [431]],
    ["10,000 fields", `${HEAD}${"X-A: b\r\n".repeat(10_000)}\r\n`, [431]],
    ["a host of 300 bytes", `GET /a HTTP/1.1\r\nHost: ${"a.".repeat(150)}test\r\nConnection: close\r\n\r\n`, [
      400,
      404,
    ]],
    ["a method of 100 KB", `${"A".repeat(100_000)} /a HTTP/1.1\r\nHost: app.test\r\n\r\n`, [400, 431]],
    [
      "a path of 20,000 bytes",
      `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n`,
      [
        400,
      ],
    ],
    ["a chunk of 2^64 bytes", `${CHUNKED}10000000000000000\r\nabc`, [400, 503]],
    ["trailers of 1 MB", `${CHUNKED}0\r\nX-Long: ${"a".repeat(MIB)}\r\n\r\n`, [400, 431, 503]],
    ["100,000 trailers", `${CHUNKED}0\r\n${"X-A: b\r\n".repeat(100_000)}\r\n`, [400, 431, 503]],
  ])("%s", async (_, request, expected) => {
    const { text } = await sendRaw(gateway, request);
    for (const status of statuses(text)) expect([...expected, 200]).toContain(status);
    expect(service.received).not.toMatch(/\r\n0\r\n|GET/);
    expect((await ask(gateway, "/after")).status).toBe(200);
  });
});

it("A chunk extension of 1 MB does not reach the service", async () => {
  const answer = await sendRaw(gateway, `${CHUNKED}3;x=${"a".repeat(MIB)}\r\nabc\r\n0\r\n\r\n`);
  expect(answer.status).toBe(200);
  expect(service.received).toMatch(/\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/);
});

describe("What is too much in a head is refused", () => {
  const fields = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x-${i}`, "a".repeat(1000)]));

  it("over HTTP/2", async () => {
    const session = http2Session(gateway);
    session.on("error", () => {});
    const stream = session.request({ ":path": "/a", ":authority": "app.test", ...fields });
    const { promise, resolve } = Promise.withResolvers<unknown>();
    stream.on("response", (head) => resolve(head[":status"]));
    stream.on("error", () => resolve("reset"));
    stream.on("close", () => resolve("closed"));
    expect([431, "reset", "closed"]).toContain(await promise);
    session.destroy();
    expect(service.received).toBe("");
  });

  it("over HTTP/3", async () => {
    const connection = await dialHttp3(gateway);
    const stream = await connection.request([
      ...[[":method", "GET"], [":scheme", "https"], [":authority", "app.test"], [":path", "/a"]] as const,
      ...Object.entries(fields),
    ]);
    expect((await stream.readAnswer()).status).toBe(431);
    connection.close();
    expect(service.received).toBe("");
  });
});

describe("What is too much in an answer does not harm the gateway:", () => {
  it.each<[string, string[], number[]]>([
    ["a field of 1 MB", ["HTTP/1.1 200 OK\r\nX-Long: ", "a".repeat(MIB), "\r\nContent-Length: 0\r\n\r\n"], [
      503,
    ]],
    ["100,000 fields", ["HTTP/1.1 200 OK\r\n", "X-A: b\r\n".repeat(100_000), "Content-Length: 0\r\n\r\n"], [
      503,
    ]],
    [
      "100,000 hints",
      [
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(100_000),
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      ],
      [200, 503],
    ],
    ["a reason of 1 MB", [`HTTP/1.1 200 ${"a".repeat(MIB)}\r\nContent-Length: 0\r\n\r\n`], [200, 503]],
    [
      "trailers of 1 MB",
      [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Long: ${"a".repeat(MIB)}\r\n\r\n`],
      [200, 503],
    ],
    [
      "a chunk extension of 1 MB",
      [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=${"a".repeat(MIB)}\r\na\r\n0\r\n\r\n`],
      [200, 503],
    ],
  ])("%s", async (_, parts, expected) => {
    using hostile = serveTcp(async (conn) => {
      await conn.read(new Uint8Array(4096));
      for (const part of parts) {
        for (let rest = utf8(part); rest.length > 0;) rest = rest.subarray(await conn.write(rest));
      }
    });
    await using own = await startTestGateway(routeTo(`http://127.0.0.1:${hostile.port}`));
    const before = Deno.memoryUsage().rss;
    const { text } = await ask(own, "/a");
    // Without an answer, the connection was broken off: what has begun cannot be answered otherwise.
    expect([...expected, undefined]).toContain(statuses(text).at(-1));
    expect(text.length).toBeLessThan(8 * MIB);
    expect(Deno.memoryUsage().rss - before).toBeLessThan(128 * MIB);
    await until(() => hostile.open === 0);
    expect(own.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});
