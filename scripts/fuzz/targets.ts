import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { AuthorityError } from "../../lib/base/authority.ts";
import { CapsuleDecoder, encodeCapsule, encodeUdpCapsule } from "../../lib/codec/capsule.ts";
import { ClientHelloDecoder } from "../../lib/codec/client_hello.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";
import {
  datagramStreamId,
  decodeHttpDatagram,
  encodeHttp3Datagram,
  encodeHttpDatagram,
  udpPayloadAt,
} from "../../lib/codec/http_datagram.ts";
import { parseRequestHead } from "../../lib/codec/http_fields.ts";
import {
  ControlStreamDecoder,
  encodeDataHead,
  encodeGoawayFrame,
  encodeHeadersFrame,
  encodeSettingsFrame,
  RequestStreamDecoder,
} from "../../lib/codec/http3_frame.ts";
import { formatUdpTarget, parseUdpTarget } from "../../lib/codec/masque_target.ts";
import { encodeProxyV1, encodeProxyV2, ProxyHeaderDecoder } from "../../lib/codec/proxy_protocol.ts";
import { decodeFieldSection, encodeFieldSection, type Field } from "../../lib/codec/qpack.ts";
import { checkQpackEncoderStream, QpackDecoderStreamChecker } from "../../lib/codec/qpack_streams.ts";
import { Socks5Client } from "../../lib/codec/socks5.ts";
import { decodeVarint, encodeVarint, varintAt } from "../../lib/codec/varint.ts";
import { HTTP1_ANSWERS, HTTP1_REQUESTS, http1Answer, http1Request } from "./http1_targets.ts";
import { FIELD_BLOCKS, fieldBlocks, HTTP2_FRAMES, http2Frames } from "./http2_targets.ts";

/** A codec, and what must hold for it whatever the input is. */
export interface FuzzTarget {
  /** Valid inputs that the others come of; at least one. */
  readonly seeds: readonly Uint8Array[];
  /** Runs the codec. @returns what came of it, in few words @throws when something does not hold */
  run(input: Uint8Array): string;
}

const QPACK_BOUNDS = { maxBytes: 64 * 1024, maxFields: 100 };
const REQUEST: readonly Field[] = [
  [":method", "CONNECT"],
  [":protocol", "connect-udp"],
  [":scheme", "https"],
  [":authority", "proxy.example.com"],
  [":path", "/.well-known/masque/udp/192.0.2.6/443/"],
  ["capsule-protocol", "?1"],
  ["x-bytes", "\x01\xff \x7f"],
];
/** RFC 8448 section 3. */
const CLIENT_HELLO = Uint8Array.fromHex(
  "16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006" +
    "130113031302010000910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100" +
    "010101020103010400230000003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d54" +
    "13691e529aaf2c002b0003020304000d0020001e040305030603020308040805080604010501060102010402050206" +
    "020202002d00020101001c00024001",
);
const ENDPOINTS = {
  source: { address: "192.0.2.1", port: 56_324 },
  destination: { address: "192.0.2.2", port: 443 },
};
const ENDPOINTS_6 = {
  source: { address: "2001:db8::1", port: 56_324 },
  destination: { address: "2001:db8::2", port: 443 },
};

/** Every target by its name. */
export const FUZZ_TARGETS: Readonly<Record<string, FuzzTarget>> = {
  varint: {
    seeds: ["c2197c5eff14e88c", "9d7f3e7d", "7bbd", "25", "4025"].map((hex) => Uint8Array.fromHex(hex)),
    run: (input) => {
      const decoded = decodeVarint(input);
      assertSame(varintAt(input, 0), decoded?.value ?? -1);
      if (decoded === null || !Number.isSafeInteger(decoded.value)) return `${decoded === null}`;
      const shortest = encodeVarint(decoded.value);
      assertSame(decodeVarint(shortest), { value: decoded.value, length: shortest.length });
      if (shortest.length > decoded.length) throw new Error("what was encoded again is longer");
      return `${decoded.length}`;
    },
  },
  capsule: {
    seeds: [
      concatBytes([
        encodeUdpCapsule(utf8("payload")),
        encodeCapsule(0x17, utf8("x")),
        encodeUdpCapsule(utf8("")),
      ]),
      concatBytes([encodeCapsule(0, utf8("\x02other")), encodeUdpCapsule(new Uint8Array(300))]),
      Uint8Array.fromHex("c000000000000000c000000000000009c000000000000000aa"),
      Uint8Array.fromHex("25ffffffffffffffff00"),
    ],
    run: (input) => sameHoweverDivided(input, capsules),
  },
  http_datagram: {
    seeds: [
      encodeHttp3Datagram(44, encodeHttpDatagram({ contextId: 0, payload: utf8("payload") })),
      encodeHttp3Datagram(2 ** 40, encodeHttpDatagram({ contextId: 2 ** 20, payload: utf8("") })),
    ],
    run: (input) => outcome(() => datagrams(input)),
  },
  http3_frame: {
    seeds: [
      concatBytes([encodeHeadersFrame(encodeFieldSection(REQUEST)), encodeDataHead(3), utf8("abc")]),
      concatBytes([
        encodeHeadersFrame(utf8("a")),
        Uint8Array.fromHex("40400201ff"),
        encodeHeadersFrame(utf8("b")),
      ]),
      concatBytes([
        encodeSettingsFrame({ h3Datagram: true, maxFieldSectionBytes: 2 ** 20 }),
        encodeGoawayFrame(8),
      ]),
      concatBytes([encodeSettingsFrame({ enableConnectProtocol: true }), Uint8Array.fromHex("0d0105030100")]),
    ],
    run: (input) =>
      [
        sameHoweverDivided(input, requestFrames("client")),
        sameHoweverDivided(input, requestFrames("server")),
        sameHoweverDivided(input, controlFrames("client")),
        sameHoweverDivided(input, controlFrames("server")),
      ].join(),
  },
  http1_request: {
    seeds: HTTP1_REQUESTS,
    run: (input) => sameHoweverDivided(input, http1Request),
  },
  http1_answer: {
    seeds: HTTP1_ANSWERS,
    run: (input) => sameHoweverDivided(input, http1Answer),
  },
  qpack: {
    seeds: [encodeFieldSection(REQUEST), Uint8Array.fromHex("0000510b2f696e6465782e68746d6c")],
    run: (input) =>
      [
        outcome(() => fieldSection(input)),
        outcome(() => String(checkQpackEncoderStream(input))),
        sameHoweverDivided(input, cancellations),
      ].join(),
  },
  masque_target: {
    seeds: ["192.0.2.6/443/", "2001%3Adb8%3A%3A42/443/", "2001:db8::42/443/", "target.example.com/443/"].map((
      rest,
    ) => utf8(`/.well-known/masque/udp/${rest}`)),
    run: (input) => outcome(() => udpTarget(String.fromCharCode(...input))),
  },
  client_hello: {
    seeds: [CLIENT_HELLO],
    run: (input) => sameHoweverDivided(input, clientHello),
  },
  proxy_protocol: {
    seeds: [
      encodeProxyV1(ENDPOINTS),
      encodeProxyV1(ENDPOINTS_6),
      utf8("PROXY UNKNOWN\r\n"),
      encodeProxyV2(ENDPOINTS, [{ type: 5, value: utf8("id") }]),
      encodeProxyV2(ENDPOINTS_6),
    ],
    run: (input) => sameHoweverDivided(input, proxyHeader),
  },
  socks5: {
    seeds: [
      "0500000100000000000041",
      "05000004000000000000000000000000000000000000",
      "0505000302686900504142",
    ]
      .map((hex) => Uint8Array.fromHex(hex)),
    run: (input) => sameHoweverDivided(input, socksReply),
  },
  http2_frame: {
    seeds: HTTP2_FRAMES,
    run: (input) => sameHoweverDivided(input, http2Frames),
  },
  hpack: {
    seeds: FIELD_BLOCKS,
    run: (input) => outcome(() => fieldBlocks(input)),
  },
};

/** Takes chunks one by one; says what came of them until now. */
type Run = (chunks: readonly Uint8Array[]) => string;

/**
 * What comes of `input` as one chunk, which must be what comes of it in two and byte by byte. Numbers and bytes are left
 * out of what is returned: other ones are no other outcome.
 */
function sameHoweverDivided(input: Uint8Array, run: Run): string {
  const whole = outcome(() => run([input]));
  const middle = input.length >> 1;
  assertSame(outcome(() => run([input.subarray(0, middle), input.subarray(middle)])), whole);
  assertSame(outcome(() => run(Array.from(input, (_, at) => input.subarray(at, at + 1)))), whole);
  return whole.replace(/[0-9a-f,]{2,}|\d/g, "0").slice(0, 100);
}

/** What `run` gives, or the code of what it refuses for. */
function outcome(run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof CodecError || error instanceof AuthorityError) return error.code;
    throw error;
  }
}

function assertSame(actual: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${one} is not ${other}`);
}

function capsules(chunks: readonly Uint8Array[]): string {
  const decoder = new CapsuleDecoder();
  const payloads: string[] = [];
  for (const chunk of chunks) decoder.push(chunk, (payload) => payloads.push(payload.toHex()));
  return `${payloads} ${outcome(() => String(decoder.end()))}`;
}

function datagrams(input: Uint8Array): string {
  const { contextId, payload } = decodeHttpDatagram(input);
  assertSame(udpPayloadAt(input)?.toHex() ?? null, contextId === 0 ? payload.toHex() : null);
  return `${contextId === 0} ${datagramStreamId(input) > 2 ** 53}`;
}

function requestFrames(peer: "client" | "server"): Run {
  return (chunks) => {
    let [sections, bytes] = [0, 0];
    const sink = { headers: () => sections++, data: (part: Uint8Array) => bytes += part.length };
    const decoder = new RequestStreamDecoder(sink, { peer, maxSectionBytes: 200 });
    for (const chunk of chunks) decoder.push(chunk);
    return `${sections} ${bytes} ${outcome(() => String(decoder.end()))}`;
  };
}

function controlFrames(peer: "client" | "server"): Run {
  return (chunks) => {
    const found: string[] = [];
    const sink = {
      settings: (settings: unknown) => found.push(JSON.stringify(settings)),
      goaway: (id: number) => found.push(String(id)),
    };
    const decoder = new ControlStreamDecoder(sink, { peer });
    for (const chunk of chunks) decoder.push(chunk);
    return found.join();
  };
}

function fieldSection(input: Uint8Array): string {
  const fields = decodeFieldSection(input, QPACK_BOUNDS);
  assertSame(decodeFieldSection(encodeFieldSection(fields), QPACK_BOUNDS), fields);
  return `${fields.length} ${outcome(() => parseRequestHead(fields).method)}`;
}

function cancellations(chunks: readonly Uint8Array[]): string {
  const checker = new QpackDecoderStreamChecker();
  for (const chunk of chunks) checker.push(chunk);
  return "taken";
}

function udpTarget(path: string): string {
  const target = parseUdpTarget(path);
  assertSame(parseUdpTarget(formatUdpTarget(target)), target);
  if (!/^[a-z0-9._:-]{1,253}$/.test(target.host)) throw new Error("a host has characters that no host has");
  return target.host.includes(":") ? "address" : "name";
}

function clientHello(chunks: readonly Uint8Array[]): string {
  const decoder = new ClientHelloDecoder();
  for (const chunk of chunks) {
    const hello = decoder.push(chunk);
    if (hello !== null) return JSON.stringify(hello);
  }
  return "more";
}

function proxyHeader(chunks: readonly Uint8Array[]): string {
  const decoder = new ProxyHeaderDecoder();
  for (const chunk of chunks) {
    const decoded = decoder.push(chunk);
    if (decoded !== null) return JSON.stringify(decoded.header);
  }
  return "more";
}

function socksReply(chunks: readonly Uint8Array[]): string {
  const client = new Socks5Client({ host: "example.com", port: 80 });
  client.push(Uint8Array.of(5, 0));
  for (const [at, chunk] of chunks.entries()) {
    const step = client.push(chunk);
    if (step.kind === "open") return concatBytes([step.rest, ...chunks.slice(at + 1)]).toHex();
    if (step.kind === "refused") return step.reason;
  }
  return "more";
}
