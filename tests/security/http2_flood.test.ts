import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { controlText } from "../_support/control_text.ts";
import { frame, getFrame, headFrame, RawHttp2, resetFrame } from "../_support/raw_http2.ts";
import { readExactly, until } from "../_support/test_gateway.ts";
import { gateway, useEchoRoute } from "./_echo_route.ts";

const MIB = 1024 * 1024;

useEchoRoute("2s");

const none = new Uint8Array();
const settings = frame(4, { flags: 0, stream: 0, payload: none });
const ping = frame(6, { flags: 0, stream: 0, payload: new Uint8Array(8) });
const priority = frame(2, { flags: 0, stream: 1, payload: new Uint8Array(5) });
const emptyData = frame(0, { flags: 0, stream: 1, payload: none });
const continuation = frame(9, { flags: 0, stream: 1, payload: new Uint8Array(1000).fill(0x82) });
/** One entry of nearly 4 KiB goes into the table of HPACK, and is then named 4,000 times by a byte. */
const bomb = () => {
  const value = new Uint8Array(3900).fill(0x61);
  const entry = concatBytes([new Uint8Array([0x40, 1, 0x78, 0x7f, ...varint(3900 - 127)]), value]);
  return frame(1, {
    flags: 5,
    stream: 1,
    payload: concatBytes([new Uint8Array([0x82, 0x87, 0x84]), entry, new Uint8Array(4000).fill(0xbe)]),
  });
};

/** The rest of an integer of HPACK. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}

describe("HTTP/2 in which a client", () => {
  it.each<[string, () => Uint8Array[]]>([
    ["sends 100,000 SETTINGS and reads no answer", () => Array(100_000).fill(settings)],
    ["sends 100,000 PINGs and reads no answer", () => Array(100_000).fill(ping)],
    [
      "changes priorities 100,000 times",
      () => [getFrame(1, { open: true }), ...Array(100_000).fill(priority)],
    ],
    ["sends 100,000 pieces of content without a byte", () => [
      getFrame(1, { open: true }),
      ...Array(100_000).fill(emptyData),
    ]],
    ["goes on with a head for 10 MB", () => [
      frame(1, { flags: 0, stream: 1, payload: new Uint8Array([0x82]) }),
      ...Array(10_000).fill(continuation),
    ]],
    ["sends 15 MB of fields in 8 KB", () => [bomb()]],
    [
      "opens 10,000 streams at once",
      () =>
        Array.from(
          { length: 10_000 },
          (_, i) =>
            headFrame(2 * i + 1, [[":method", "GET"], [":scheme", "https"], [":authority", "localhost"], [
              ":path",
              "/",
            ]], {
              open: true,
            }),
        ),
    ],
  ])("%s: others are served, and nothing is left", async (_what, frames) => {
    const bystander = (await gateway.connect("echo.test:7")).stream;
    const raw = await RawHttp2.open(gateway, { reads: false });
    const before = Deno.memoryUsage().rss;
    let isSent = false;
    void raw.send(frames()).then(() => (isSent = true));
    // Who does not read may be held up for ever.
    for (let i = 0; i < 100 || (!isSent && i < 2000); i++) {
      await bystander.write(utf8("x"));
      expect(await readExactly(bystander, 1)).toBe("x");
    }
    expect(Deno.memoryUsage().rss - before).toBeLessThan(128 * MIB);
    bystander.close();
    raw.close();
    await until(() => gateway.gateway.openConnections === 0);
  });

  it("sends heads that are malformed or too long is counted, as one of HTTP/1.1 is", async () => {
    const raw = await RawHttp2.open(gateway);
    const malformed = headFrame(3, [[":method", "GET"], ["x-a", "b"]]);
    await raw.send([bomb(), malformed]);
    await until(() => gateway.linesOf("malformed request").length >= 2);
    raw.close();
    const figures = await controlText(gateway, "/metrics");
    expect(figures).toMatch(/sallyport_http_broken_total\{kind="malformed-head"\} [1-9]/);
    expect(figures).toMatch(/sallyport_http_broken_total\{kind="long-head"\} [1-9]/);
  });

  it("floods or resets is counted", async () => {
    const raw = await RawHttp2.open(gateway);
    await raw.send([getFrame(1, { open: true }), resetFrame(1), ...Array(100_000).fill(settings)]);
    await raw.ended;
    raw.close();
    const figures = await controlText(gateway, "/metrics");
    expect(figures).toMatch(/sallyport_http_broken_total\{kind="http2-session"\} [1-9]/);
    expect(figures).toMatch(/sallyport_http_broken_total\{kind="http2-reset"\} [1-9]/);
  });
});
