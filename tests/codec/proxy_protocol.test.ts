import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { parseIp } from "../../lib/base/ip.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";
import {
  encodeProxyV1,
  encodeProxyV2,
  PP2_TYPE,
  type ProxyEndpoints,
  type ProxyHeader,
  ProxyHeaderDecoder,
} from "../../lib/codec/proxy_protocol.ts";

const V4: ProxyEndpoints = {
  source: { address: "192.0.2.7", port: 56324 },
  destination: { address: "198.51.100.9", port: 443 },
};
const V6: ProxyEndpoints = {
  source: { address: "2001:db8::7", port: 1 },
  destination: { address: "::1", port: 65535 },
};
const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

function decode(...chunks: Uint8Array[]): { header: ProxyHeader; rest: Uint8Array } | null {
  const decoder = new ProxyHeaderDecoder();
  for (const [index, chunk] of chunks.entries()) {
    const decoded = decoder.push(chunk);
    if (decoded !== null) {
      return { ...decoded, rest: concatBytes([decoded.rest, ...chunks.slice(index + 1)]) };
    }
  }
  return null;
}

function codeOf(bytes: Uint8Array): string {
  try {
    decode(bytes);
  } catch (error) {
    if (error instanceof CodecError) return error.code;
    throw error;
  }
  return "none";
}

describe("encodeProxyV1()", () => {
  it("writes the line of the specification", () => {
    const line = encodeProxyV1({
      source: { address: "192.168.0.1", port: 56324 },
      destination: { address: "192.168.0.11", port: 443 },
    });
    expect(new TextDecoder().decode(line)).toBe("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
  });

  it("writes IPv6, and both addresses so when they differ", () => {
    expect(new TextDecoder().decode(encodeProxyV1(V6))).toBe("PROXY TCP6 2001:db8::7 ::1 1 65535\r\n");
    const mixed = encodeProxyV1({ source: V4.source, destination: V6.destination });
    expect(new TextDecoder().decode(mixed)).toBe("PROXY TCP6 ::ffff:c000:207 ::1 56324 65535\r\n");
  });

  it.each([
    ["a name", { address: "localhost", port: 1 }],
    ["a line of its own", { address: "192.0.2.7\r\nPROXY", port: 1 }],
    ["port 65536", { address: "192.0.2.7", port: 65536 }],
    ["port -1", { address: "192.0.2.7", port: -1 }],
    ["port 1.5", { address: "192.0.2.7", port: 1.5 }],
  ])("takes no %s", (_, source) => {
    expect(() => encodeProxyV1({ ...V4, source })).toThrow(TypeError);
    expect(() => encodeProxyV2({ ...V4, source })).toThrow(TypeError);
  });
});

describe("encodeProxyV2()", () => {
  it("writes signature, command, family, length, addresses, ports and the rest", () => {
    expect([...encodeProxyV2(V4, [{ type: PP2_TYPE.uniqueId, value: utf8("id") }])]).toEqual([
      ...SIGNATURE,
      ...[0x21, 0x11, 0, 17],
      ...[192, 0, 2, 7, 198, 51, 100, 9, 220, 4, 1, 187],
      ...[5, 0, 2, 0x69, 0x64],
    ]);
  });

  it("takes values up to the bound of the length, and not one byte more", () => {
    const tlv = (length: number) => [{ type: 0xe0, value: new Uint8Array(length) }];
    expect(encodeProxyV2(V4, tlv(65535 - 12 - 3))).toHaveLength(16 + 65535);
    expect(() => encodeProxyV2(V4, tlv(65535 - 12 - 2))).toThrow(
      expect.objectContaining({ code: "codec/too-large" }),
    );
  });
});

describe("ProxyHeaderDecoder", () => {
  it.each<[string, Uint8Array, ProxyHeader]>([
    ["version 1, IPv4", encodeProxyV1(V4), { version: 1, endpoints: V4, tlvs: [] }],
    ["version 1, IPv6", encodeProxyV1(V6), { version: 1, endpoints: V6, tlvs: [] }],
    ["version 1, unknown", utf8("PROXY UNKNOWN\r\n"), { version: 1, endpoints: null, tlvs: [] }],
    [
      "version 1, unknown with a longest line",
      utf8(`PROXY UNKNOWN ${"f".repeat(107 - 16)}\r\n`),
      { version: 1, endpoints: null, tlvs: [] },
    ],
    ["version 2, IPv4", encodeProxyV2(V4), { version: 2, endpoints: V4, tlvs: [] }],
    [
      "version 2, IPv6 with values",
      encodeProxyV2(V6, [{ type: 4, value: new Uint8Array() }, { type: 0xe0, value: utf8("a.b.c") }]),
      {
        version: 2,
        endpoints: V6,
        tlvs: [{ type: 4, value: new Uint8Array() }, { type: 0xe0, value: utf8("a.b.c") }],
      },
    ],
    ["LOCAL", Uint8Array.from([...SIGNATURE, 0x20, 0, 0, 0]), { version: 2, endpoints: null, tlvs: [] }],
    [
      "LOCAL with something in it",
      Uint8Array.from([...SIGNATURE, 0x20, 0xff, 0, 3, 1, 2, 3]),
      { version: 2, endpoints: null, tlvs: [] },
    ],
    [
      "UDP",
      Uint8Array.from([...SIGNATURE, 0x21, 0x12, 0, 12, ...new Uint8Array(12)]),
      { version: 2, endpoints: null, tlvs: [] },
    ],
    [
      "a Unix socket",
      Uint8Array.from([...SIGNATURE, 0x21, 0x31, 0, 216, ...new Uint8Array(216)]),
      { version: 2, endpoints: null, tlvs: [] },
    ],
  ])("reads %s, in every split of it, and leaves what comes after", (_, bytes, header) => {
    const all = concatBytes([bytes, utf8("after")]);
    for (let at = 0; at <= all.length; at++) {
      expect(decode(all.subarray(0, at), all.subarray(at))).toEqual({ header, rest: utf8("after") });
    }
    const single = Array.from(all, (_byte, index) => all.subarray(index, index + 1));
    expect(decode(...single)).toEqual({ header, rest: utf8("after") });
  });

  it.each([
    ["a request of HTTP", utf8("GET / HTTP/1.1\r\n"), "codec/unexpected"],
    ["PROXYING", utf8("PROXYING"), "codec/unexpected"],
    [
      "a signature with one byte changed",
      Uint8Array.from([...SIGNATURE.slice(0, 11), 11]),
      "codec/unexpected",
    ],
    ["lower case", utf8("proxy TCP4 "), "codec/unexpected"],
    ["a line that ends without CR", utf8("PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n"), "codec/malformed"],
    ["a CR in the middle", utf8("PROXY UNKNOWN \r x\r\n"), "codec/malformed"],
    ["a line of 108 bytes", utf8(`PROXY UNKNOWN ${"f".repeat(108 - 16)}\r\n`), "codec/malformed"],
    ["two spaces", utf8("PROXY TCP4  1.2.3.4 1.2.3.5 1 2\r\n"), "codec/malformed"],
    ["a port with a zero before it", utf8("PROXY TCP4 1.2.3.4 1.2.3.5 01 2\r\n"), "codec/malformed"],
    ["port 65536", utf8("PROXY TCP4 1.2.3.4 1.2.3.5 1 65536\r\n"), "codec/malformed"],
    ["a number with a zero before it", utf8("PROXY TCP4 1.2.3.04 1.2.3.5 1 2\r\n"), "codec/malformed"],
    ["IPv6 that says TCP4", utf8("PROXY TCP4 ::1 ::1 1 2\r\n"), "codec/malformed"],
    ["IPv4 that says TCP6", utf8("PROXY TCP6 1.2.3.4 1.2.3.5 1 2\r\n"), "codec/malformed"],
    ["UDP in version 1", utf8("PROXY UDP4 1.2.3.4 1.2.3.5 1 2\r\n"), "codec/malformed"],
    ["version 3", Uint8Array.from([...SIGNATURE, 0x31, 0x11, 0, 0]), "codec/malformed"],
    ["command 2", Uint8Array.from([...SIGNATURE, 0x22, 0x11, 0, 0]), "codec/malformed"],
    ["family 4", Uint8Array.from([...SIGNATURE, 0x21, 0x41, 0, 0]), "codec/malformed"],
    ["transport 3", Uint8Array.from([...SIGNATURE, 0x21, 0x13, 0, 0]), "codec/malformed"],
    ["addresses that are cut", Uint8Array.from([...SIGNATURE, 0x21, 0x11, 0, 1, 0]), "codec/malformed"],
    [
      "a value beyond the end",
      Uint8Array.from([...SIGNATURE, 0x21, 0x11, 0, 15, ...new Uint8Array(12), 5, 0, 1]),
      "codec/malformed",
    ],
  ])("refuses %s", (_, bytes, code) => expect(codeOf(bytes)).toBe(code));

  it("reads back what was written", () => {
    const ip = fc.oneof(fc.ipV4(), fc.ipV6());
    const endpoint = fc.record({ address: ip, port: fc.nat(65535) });
    const tlvs = fc.array(
      fc.record({ type: fc.nat(255), value: fc.uint8Array({ maxLength: 300 }) }),
      { maxLength: 4 },
    );
    fc.assert(fc.property(fc.record({ source: endpoint, destination: endpoint }), tlvs, (endpoints, tlvs) => {
      for (const bytes of [encodeProxyV1(endpoints), encodeProxyV2(endpoints, tlvs)]) {
        const { header } = decode(bytes)!;
        const { source, destination } = header.endpoints!;
        expect([source, destination].map(({ address }) => parseIp(address)))
          .toEqual([endpoints.source, endpoints.destination].map(({ address }) => parseIp(address)));
        expect([source.port, destination.port]).toEqual([endpoints.source.port, endpoints.destination.port]);
        expect(header.tlvs).toEqual(
          header.version === 1 ? [] : tlvs.map((tlv) => ({
            ...tlv,
            value: Uint8Array.from(tlv.value),
          })),
        );
      }
    }));
  });

  it("reads any bytes, or throws CodecError", () => {
    const starts = [[], SIGNATURE, [...SIGNATURE, 0x21, 0x11, 0], [...utf8("PROXY TCP4 ")]];
    fc.assert(fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 400 }), (start, bytes) => {
      codeOf(Uint8Array.from([...start, ...bytes]));
    }));
  });
});
