import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { controlText } from "../_support/control_text.ts";
import { getRequest, sendRaw } from "../_support/raw_http.ts";
import { connectFrame, getFrame, RawHttp2, resetFrame } from "../_support/raw_http2.ts";
import { openDescriptors, readAll, readExactly, startTestGateway, until } from "../_support/test_gateway.ts";
import { browse, csrfOf } from "./_support.ts";
import { echo, gateway, useEchoRoute } from "./_echo_route.ts";

useEchoRoute("300ms");

/** Nothing is left: no connection, no tunnel, no descriptor. */
async function expectNothingLeft(descriptors: number): Promise<void> {
  await until(() =>
    gateway.gateway.openConnections === 0 && gateway.gateway.tunnels.size === 0 && echo.open === 0
  );
  await until(() => openDescriptors() <= descriptors);
}

async function readUntil(stream: ByteStream, end: string): Promise<void> {
  let text = "";
  while (!text.endsWith(end)) text += await readExactly(stream, 1);
}

describe("too much", () => {
  it("in a form is 413", async () => {
    using browser = browse(gateway);
    const page = await browser.open(`${gateway.url}/.pomerium/sign_in`);
    for (const path of [page.url, `${gateway.url}/.pomerium/sign_out`]) {
      const body = `csrf=${csrfOf(page.text)}&username=ann&password=${"x".repeat(1_000_000)}`;
      expect((await browser.request(path, { method: "POST", body })).status).toBe(413);
    }
  });

  it("in a form that says nothing of its length is 413 as soon as it is", async () => {
    const stream = denoStream(await gateway.dial());
    const fields = "Host: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n";
    await stream.write(utf8(`POST /.pomerium/sign_out HTTP/1.1\r\n${fields}\r\n`));
    // 32 KiB, and the form has not ended.
    await stream.write(utf8(`8000\r\n${"x".repeat(0x8000)}\r\n`));
    expect(await readExactly(stream, 12)).toBe("HTTP/1.1 413");
    stream.close();
  });

  it.each([
    ["one field of 64 KiB", { X: "a".repeat(64 * 1024) }],
    [
      "fields of 64 KiB together",
      Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`X${i}`, "a".repeat(1000)])),
    ],
  ])("in the head of a request is 431: %s", async (_what, fields) => {
    const { status } = await sendRaw(gateway, getRequest("/ping", { Host: "localhost", ...fields }));
    expect(status).toBe(431);
  });

  it("in the request line is 431, and counted", async () => {
    const { status } = await sendRaw(gateway, getRequest(`/${"a".repeat(70_000)}`, { Host: "localhost" }));
    expect(status).toBe(431);
    expect(await controlText(gateway, "/metrics")).toMatch(
      /sallyport_http_broken_total\{kind="long-head"\} [1-9]/,
    );
  });
});

describe("too slow", () => {
  it.each([
    ["no byte of a request", ""],
    ["half a request line", "GET /pi"],
    ["half a head", "GET /ping HTTP/1.1\r\nHost: localhost\r\n"],
    [
      "half a form",
      "POST /.pomerium/sign_out HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nConnection: close\r\n\r\ncsrf",
    ],
  ])("%s is 408, and nothing is left", async (_what, request) => {
    await until(() => gateway.gateway.openConnections === 0);
    const before = openDescriptors();
    const { status } = await sendRaw(gateway, request);
    expect(status).toBe(408);
    await expectNothingLeft(before);
  });

  it("a form that breaks off is no error of the gateway", async () => {
    const stream = denoStream(await gateway.dial());
    await stream.write(
      utf8("POST /.pomerium/sign_out HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\ncsrf"),
    );
    const before = gateway.linesOf("http-request").length;
    stream.close();
    await until(() => gateway.linesOf("http-request").length > before);
    // Another program may have the UDP port of the same number.
    const lines = gateway.lines.filter(({ message }) => message !== "HTTP/3 is not served");
    expect(lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });

  it("a connection that asks for nothing more is closed, but not after its first request", async () => {
    const stream = denoStream(await gateway.dial());
    for (let i = 0; i < 3; i++) {
      await stream.write(utf8("GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"));
      await readUntil(stream, "\r\n\r\nOK");
    }
    expect(await stream.read(new Uint8Array(1))).toBeNull();
    stream.close();
  });

  it.each(["300ms", "0"])("a later request of a connection is 408, with timeout_idle: %s", async (idle) => {
    await using own = await startTestGateway(`timeout_read: 300ms\ntimeout_idle: ${idle}\nroutes: []`);
    const stream = denoStream(await own.dial());
    for (let i = 0; i < 2; i++) {
      await stream.write(utf8("GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"));
      await readUntil(stream, "\r\n\r\nOK");
    }
    await stream.write(utf8("GET /pi"));
    expect(new TextDecoder().decode(await readAll(stream))).toMatch(/^HTTP\/1\.1 408 /);
    stream.close();
  });

  it("an HTTP/2 connection that asks for nothing is closed", async () => {
    const raw = await RawHttp2.open(gateway);
    await raw.ended;
    raw.close();
  });

  it("HTTP/2 requests that the client never finishes are answered and given up", async () => {
    await until(() => gateway.gateway.openConnections === 0);
    const before = openDescriptors();
    const raw = await RawHttp2.open(gateway);
    await raw.send(Array.from({ length: 100 }, (_, i) => getFrame(2 * i + 1, { open: true })));
    await raw.ended;
    raw.close();
    await expectNothingLeft(before);
  });
});

describe("HTTP/2 rapid reset: 1,000 streams opened and given up at once", () => {
  it.each<[string, (stream: number) => Uint8Array]>([
    ["requests", (stream) => getFrame(stream)],
    ["requests without end", (stream) => getFrame(stream, { open: true })],
    ["tunnels", (stream) => connectFrame(stream, "echo.test:7")],
    ["tunnels to nowhere", (stream) => connectFrame(stream, "nowhere.test:7")],
  ])("%s leave nothing behind, and others are served meanwhile", async (_what, open) => {
    await until(() => gateway.gateway.openConnections === 0);
    const before = openDescriptors();
    const raw = await RawHttp2.open(gateway);
    const meanwhile = gateway.connect("echo.test:7");
    const frames = Array.from({ length: 1000 }, (_, i) => [open(2 * i + 1), resetFrame(2 * i + 1)]).flat();
    await raw.send(frames);
    const { status, stream } = await meanwhile;
    await stream.write(utf8("x"));
    expect([status, await readExactly(stream, 1)]).toEqual([200, "x"]);
    stream.close();
    expect((await sendRaw(gateway, getRequest("/ping", { Host: "localhost" }))).status).toBe(200);
    // No request is under way any more: the idle limit ends the connection, if the gateway has not had enough before.
    await raw.ended;
    raw.close();
    await expectNothingLeft(before);
  });
});
