import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { Http3Error } from "../../lib/codec/http3_error.ts";
import {
  ControlStreamDecoder,
  encodeDataHead,
  encodeGoawayFrame,
  encodeHeadersFrame,
  encodeSettingsFrame,
  RequestStreamDecoder,
} from "../../lib/codec/http3_frame.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const data = (text: string) => concatBytes([encodeDataHead(utf8(text).length), utf8(text)]);
const headers = (text: string) => encodeHeadersFrame(utf8(text));
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
/** Of a type that has no meaning (RFC 9114 section 7.2.8), with 3 bytes. */
const UNKNOWN = hex("4040 03 aabbcc");

/** What comes of the chunks, content put together, and the name of the failure, if any. */
function decodeRequest(chunks: readonly Uint8Array[], peer: "client" | "server" = "client"): string[] {
  const found: string[] = [];
  const decoder = new RequestStreamDecoder({
    headers: (section) => found.push(`headers ${text(section)}`),
    data: (part) => {
      if (found.at(-1)?.startsWith("data ")) found.push(found.pop() + text(part));
      else found.push(`data ${text(part)}`);
    },
  }, { peer, maxSectionBytes: 100 });
  return attempt(found, () => {
    for (const chunk of chunks) decoder.push(chunk);
    decoder.end();
  });
}

function decodeControl(chunks: readonly Uint8Array[], peer: "client" | "server" = "client"): string[] {
  const found: string[] = [];
  const decoder = new ControlStreamDecoder({
    settings: (settings) => found.push(`settings ${settings.h3Datagram}`),
    goaway: (id) => found.push(`goaway ${id}`),
  }, { peer });
  return attempt(found, () => chunks.forEach((chunk) => decoder.push(chunk)));
}

function attempt(found: string[], run: () => void): string[] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Http3Error)) throw error;
    found.push(error.http3Name);
  }
  return found;
}

const everyTwo = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length + 1 }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]);

describe("RequestStreamDecoder", () => {
  const request = concatBytes([
    UNKNOWN,
    headers("head"),
    UNKNOWN,
    data("one "),
    data(""),
    data("two"),
    headers("end"),
    UNKNOWN,
  ]);
  const REQUEST = ["headers head", "data one two", "headers end"];

  it("finds head, content and trailers, and skips unknown frames, in whichever two chunks", () => {
    for (const chunks of everyTwo(request)) expect(decodeRequest(chunks)).toEqual(REQUEST);
  });

  it("finds the same byte by byte, from a buffer that is used again", () => {
    const buffer = new Uint8Array(1);
    function* bytes() {
      for (const byte of request) {
        buffer[0] = byte;
        yield buffer;
      }
    }
    const found: string[] = [];
    const decoder = new RequestStreamDecoder({
      headers: (section) => found.push(text(section)),
      data: (part) => found.push(text(part)),
    }, { peer: "client" });
    for (const chunk of bytes()) decoder.push(chunk);
    decoder.end();
    expect(found).toEqual(["head", "o", "n", "e", " ", "t", "w", "o", "end"]);
  });

  it("hands content on as it comes, without copying it", () => {
    const parts: Uint8Array[] = [];
    const decoder = new RequestStreamDecoder({ headers: () => {}, data: (part) => parts.push(part) }, {
      peer: "client",
    });
    const chunk = concatBytes([headers("head"), encodeDataHead(2 ** 40), utf8("some of it")]);
    decoder.push(chunk);
    expect(parts.map(text)).toEqual(["some of it"]);
    expect(parts[0]!.buffer).toBe(chunk.buffer);
  });

  it("takes the heads of interim answers from a server", () => {
    const answer = concatBytes([headers("103"), headers("200"), data("x")]);
    expect(decodeRequest([answer], "server")).toEqual(["headers 103", "headers 200", "data x"]);
  });

  it.each([
    ["content before the head", data("x"), ["H3_FRAME_UNEXPECTED"]],
    ["content after trailers", concatBytes([headers("a"), data("x"), headers("b"), data("y")]), [
      "headers a",
      "data x",
      "headers b",
      "H3_FRAME_UNEXPECTED",
    ]],
    ["a third head", concatBytes([headers("a"), headers("b"), headers("c")]), [
      "headers a",
      "headers b",
      "H3_FRAME_UNEXPECTED",
    ]],
    ["SETTINGS", encodeSettingsFrame({}), ["H3_FRAME_UNEXPECTED"]],
    ["GOAWAY", encodeGoawayFrame(0), ["H3_FRAME_UNEXPECTED"]],
    ["CANCEL_PUSH", hex("03 01 00"), ["H3_FRAME_UNEXPECTED"]],
    ["PUSH_PROMISE", hex("05 01 00"), ["H3_FRAME_UNEXPECTED"]],
    ["MAX_PUSH_ID", hex("0d 01 00"), ["H3_FRAME_UNEXPECTED"]],
    ...["02", "06", "08", "09"].map((type): [string, Uint8Array, string[]] => [
      `the frame ${type} of HTTP/2`,
      hex(`${type} 00`),
      ["H3_FRAME_UNEXPECTED"],
    ]),
    ["an HTTP/2 frame in another form", hex("4002 00"), ["H3_FRAME_UNEXPECTED"]],
    ["a head of 101 bytes", headers("x".repeat(101)), ["H3_EXCESSIVE_LOAD"]],
    ["a head of 2^62 bytes", hex("01 ffffffffffffffff"), ["H3_EXCESSIVE_LOAD"]],
    ["an end within a head", headers("abc").subarray(0, 4), ["H3_FRAME_ERROR"]],
    ["an end within content", concatBytes([headers("a"), data("xyz").subarray(0, 4)]), [
      "headers a",
      "data xy",
      "H3_FRAME_ERROR",
    ]],
    ["an end within what is skipped", hex("4040 03 aabb"), ["H3_FRAME_ERROR"]],
    ["an end within a type", hex("40"), ["H3_FRAME_ERROR"]],
    ["an end before the head", UNKNOWN, ["H3_REQUEST_INCOMPLETE"]],
    ["an end before anything", hex(""), ["H3_REQUEST_INCOMPLETE"]],
  ])("refuses %s", (_, bytes, found) => {
    for (const chunks of everyTwo(bytes)) expect(decodeRequest(chunks)).toEqual(found);
  });

  it("takes the largest head", () => {
    expect(decodeRequest([headers("x".repeat(100))])).toEqual([`headers ${"x".repeat(100)}`]);
  });

  const anyFrames = fc.array(
    fc.constantFrom(UNKNOWN, headers("ab"), headers(""), data("xyz"), data(""), hex("21 00")),
    {
      maxLength: 8,
    },
  ).map(concatBytes);

  it("either decodes any bytes or throws an Http3Error; the same however they are divided", () => {
    const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 60 }), anyFrames);
    fc.assert(
      fc.property(anyBytes, fc.array(fc.nat(60), { maxLength: 5 }), (bytes, cuts) => {
        const ends = [...cuts, bytes.length].sort((a, b) => a - b);
        const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        expect(decodeRequest(chunks)).toEqual(decodeRequest([bytes]));
      }),
      { numRuns: 500 },
    );
  });
});

describe("ControlStreamDecoder", () => {
  const settings = encodeSettingsFrame({ h3Datagram: true });

  it("finds SETTINGS and GOAWAY, and skips unknown frames, in whichever two chunks", () => {
    const bytes = concatBytes([
      settings,
      UNKNOWN,
      encodeGoawayFrame(2 ** 40),
      hex("0d 01 05 0d 01 05"),
      encodeGoawayFrame(4),
    ]);
    for (const chunks of everyTwo(bytes)) {
      expect(decodeControl(chunks)).toEqual(["settings true", `goaway ${2 ** 40}`, "goaway 4"]);
    }
  });

  it("takes SETTINGS that say nothing", () => {
    expect(decodeControl([encodeSettingsFrame({})])).toEqual(["settings false"]);
  });

  it("takes the first GOAWAY of a server that lets everything end, 2^62-4", () => {
    expect(decodeControl([settings, hex("07 08 fffffffffffffffc")], "server")).toEqual([
      "settings true",
      `goaway ${2 ** 62}`,
    ]);
  });

  it.each<[string, Uint8Array]>([
    ["GOAWAY", encodeGoawayFrame(0)],
    ["a frame without meaning", UNKNOWN],
    ["content", data("x")],
  ])("refuses %s before SETTINGS", (_, bytes) => {
    expect(decodeControl([bytes])).toEqual(["H3_MISSING_SETTINGS"]);
  });

  it.each<[string, string, string]>([
    ["SETTINGS twice", "04 00", "H3_FRAME_UNEXPECTED"],
    ["content", "00 01 aa", "H3_FRAME_UNEXPECTED"],
    ["a message head", "01 01 aa", "H3_FRAME_UNEXPECTED"],
    ["PUSH_PROMISE", "05 01 00", "H3_FRAME_UNEXPECTED"],
    ["PING of HTTP/2", "06 00", "H3_FRAME_UNEXPECTED"],
    ["CANCEL_PUSH", "03 01 00", "H3_ID_ERROR"],
    ["GOAWAY that goes up", "07 01 04 07 01 08", "H3_ID_ERROR"],
    ["MAX_PUSH_ID that goes down", "0d 01 04 0d 01 03", "H3_ID_ERROR"],
    ["GOAWAY without id", "07 00", "H3_FRAME_ERROR"],
    ["GOAWAY with half an id", "07 01 40", "H3_FRAME_ERROR"],
    ["GOAWAY with more than an id", "07 02 04 00", "H3_FRAME_ERROR"],
    ["GOAWAY of 2000 bytes", `07 47d0 ${"00".repeat(2000)}`, "H3_EXCESSIVE_LOAD"],
  ])("refuses %s", (_, text, name) => {
    const bytes = concatBytes([settings, hex(text)]);
    for (const chunks of everyTwo(bytes)) expect(decodeControl(chunks).at(-1)).toBe(name);
  });

  it("refuses from a server what only a client may say, and the GOAWAY of another kind of stream", () => {
    expect(decodeControl([settings, hex("0d 01 00")], "server").at(-1)).toBe("H3_FRAME_UNEXPECTED");
    expect(decodeControl([settings, hex("07 01 01")], "server").at(-1)).toBe("H3_ID_ERROR");
    expect(decodeControl([settings, hex("07 01 01")], "client").at(-1)).toBe("goaway 1");
  });

  it("refuses SETTINGS of more than 1024 bytes when they say so", () => {
    expect(decodeControl([hex("04 4401")])).toEqual(["H3_EXCESSIVE_LOAD"]);
  });

  it("either decodes any bytes or throws an Http3Error; the same however they are divided", () => {
    const anyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => concatBytes([settings, bytes]));
    fc.assert(
      fc.property(anyBytes, fc.nat(44), (bytes, at) => {
        expect(decodeControl([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(decodeControl([bytes]));
      }),
      { numRuns: 500 },
    );
  });
});

describe("encoders of frames", () => {
  it.each([
    ["DATA", encodeDataHead(0x4321), "0080004321"],
    ["HEADERS", headers("ab"), "01026162"],
    ["SETTINGS", encodeSettingsFrame({ h3Datagram: true }), "04023301"],
    ["GOAWAY", encodeGoawayFrame(64), "07024040"],
  ])("write %s", (_, bytes, expected) => {
    expect(bytes.toHex()).toBe(expected);
  });
});
