import { concatBytes, utf8 } from "../base/bytes.ts";
import { type IpAddress, parseIp } from "../base/ip.ts";
import { malformed, VectorReader } from "./_vectors.ts";
import { CodecError } from "./codec_error.ts";

/** One end of a TCP connection. */
export interface ProxyEndpoint {
  /** IPv4 or IPv6 address, without brackets and zone. */
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** The two ends of the connection that is spoken for. */
export interface ProxyEndpoints {
  /** Who connected. */
  readonly source: ProxyEndpoint;
  /** What they connected to. */
  readonly destination: ProxyEndpoint;
}

/** One more thing that a header of version 2 says. */
export interface ProxyTlv {
  /** 0 to 255, such as one of {@link PP2_TYPE}. */
  readonly type: number;
  /** At most 65535 bytes, and less with others beside it. */
  readonly value: Uint8Array;
}

/** What a header says. */
export interface ProxyHeader {
  /** 1: text; 2: binary. */
  readonly version: 1 | 2;
  /** `null`: the real ends of the connection count, as nobody else is spoken for over TCP. */
  readonly endpoints: ProxyEndpoints | null;
  /** In the order in which they came; always empty in version 1, and without endpoints. */
  readonly tlvs: readonly ProxyTlv[];
}

/** Types of {@link ProxyTlv} that this gateway sends. */
export const PP2_TYPE = {
  /** PP2_TYPE_UNIQUE_ID: names the connection, at most 128 bytes. */
  uniqueId: 0x05,
  /** PP2_TYPE_MIN_CUSTOM: the first that applications may give a meaning; here a signed assertion about the caller. */
  assertion: 0xe0,
} as const;

const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10);
const TEXT_START = utf8("PROXY ");
const FIXED_BYTES = 16;
const MAX_TEXT_BYTES = 107;
const MAX_LENGTH = 0xffff;
const TCP_LINE = /^PROXY (TCP4|TCP6) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})\r\n$/;
const UNKNOWN_LINE = /^PROXY UNKNOWN(?: [^\r\n]*)?\r\n$/;
const STREAM = 0x1;
const INET = 0x1;
const INET6 = 0x2;
/** The last that the specification knows. */
const MAX_FAMILY = 0x3;
const MAX_TRANSPORT = 0x2;

/**
 * Encodes a header of version 1 (PROXY protocol, section 2.1). Where one address is IPv4 and the other IPv6, the first is
 * written as the IPv6 address that stands for it.
 *
 * @throws {TypeError} when an address is not one, or a port is out of bounds
 */
export function encodeProxyV1({ source, destination }: ProxyEndpoints): Uint8Array<ArrayBuffer> {
  const { size, addresses } = addressesOf({ source, destination });
  const family = size === 4 ? "TCP4" : "TCP6";
  const [from, to] = addresses.map(addressText);
  return utf8(`PROXY ${family} ${from} ${to} ${checkPort(source.port)} ${checkPort(destination.port)}\r\n`);
}

/**
 * Encodes a header of version 2 (PROXY protocol, section 2.2): the command PROXY for TCP. Addresses as in
 * {@link encodeProxyV1}.
 *
 * @throws {TypeError} when an address is not one, or a port is out of bounds
 * @throws {CodecError} `codec/too-large`: addresses and `tlvs` take more than 65535 bytes
 */
export function encodeProxyV2(
  endpoints: ProxyEndpoints,
  tlvs: readonly ProxyTlv[] = [],
): Uint8Array<ArrayBuffer> {
  const { size, addresses } = addressesOf(endpoints);
  const ports = [endpoints.source.port, endpoints.destination.port].map((port) => uint16(checkPort(port)));
  const body = [...addresses, ...ports, ...tlvs.flatMap(encodeTlv)];
  const length = body.reduce((sum, part) => sum + part.length, 0);
  if (length > MAX_LENGTH) {
    throw new CodecError("codec/too-large", "Cannot write a PROXY header: it is too large");
  }
  const family = ((size === 4 ? INET : INET6) << 4) | STREAM;
  return concatBytes([SIGNATURE, Uint8Array.of(0x21, family), uint16(length), ...body]);
}

/**
 * Decodes the header of either version from the start of a connection, however it is divided over chunks. Takes no more
 * than 65551 bytes. Once it has failed or is complete, it must not be used again.
 *
 * A header of version 2 that speaks for nobody (LOCAL), or for something else than TCP, is one without endpoints. Its
 * checksum, if it has one, is not looked at.
 *
 * @example
 * ```ts
 * import { ProxyHeaderDecoder } from "./proxy_protocol.ts";
 * const decoder = new ProxyHeaderDecoder();
 * const line = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET /";
 * const decoded = decoder.push(new TextEncoder().encode(line));
 * if (decoded?.header.endpoints?.source.address !== "192.0.2.1" || decoded.rest.length !== 5) throw new Error();
 * ```
 */
export class ProxyHeaderDecoder {
  readonly #bytes: number[] = [];
  #end = FIXED_BYTES;

  /**
   * Takes the next bytes.
   *
   * @param chunk not kept
   * @returns the header and what came after it, a part of `chunk`; `null` when there must be more
   * @throws {CodecError} `codec/unexpected`: not a PROXY header; `codec/malformed`
   */
  push(chunk: Uint8Array): { header: ProxyHeader; rest: Uint8Array } | null {
    for (const [index, byte] of chunk.entries()) {
      this.#bytes.push(byte);
      const header = this.#bytes[0] === SIGNATURE[0] ? this.#binary(byte) : this.#text(byte);
      if (header !== null) return { header, rest: chunk.subarray(index + 1) };
    }
    return null;
  }

  #text(byte: number): ProxyHeader | null {
    const length = this.#bytes.length;
    if (length <= TEXT_START.length) requireByte(byte, TEXT_START[length - 1]);
    if (byte === 10) return parseLine(String.fromCharCode(...this.#bytes));
    if (length >= MAX_TEXT_BYTES) throw malformed("a PROXY header", "has a line that does not end");
    return null;
  }

  #binary(byte: number): ProxyHeader | null {
    const length = this.#bytes.length;
    if (length <= SIGNATURE.length) requireByte(byte, SIGNATURE[length - 1]);
    if (length === FIXED_BYTES) this.#end += this.#bytes[14]! * 256 + byte;
    return length >= FIXED_BYTES && length === this.#end ? parseBinary(Uint8Array.from(this.#bytes)) : null;
  }
}

function requireByte(found: number, expected: number | undefined): void {
  if (found === expected) return;
  throw new CodecError("codec/unexpected", "Cannot read a PROXY header: it is another protocol");
}

function parseLine(line: string): ProxyHeader {
  if (UNKNOWN_LINE.test(line)) return { version: 1, endpoints: null, tlvs: [] };
  const [, family, from = "", to = "", fromPort, toPort] = TCP_LINE.exec(line) ?? [];
  if (family === undefined) throw malformed("a PROXY header", "is no line of version 1");
  const ends = [[from, fromPort], [to, toPort]].map(([address, port]) => ({
    address: address!,
    port: Number(port),
  }));
  const [source, destination] = ends as [ProxyEndpoint, ProxyEndpoint];
  for (const { address, port } of [source, destination]) {
    const isOfFamily = parseIp(address) !== null && address.includes(":") === (family === "TCP6");
    if (!isOfFamily || port > 65535) {
      throw malformed("a PROXY header", "has an address or a port that is none");
    }
  }
  return { version: 1, endpoints: { source, destination }, tlvs: [] };
}

function parseBinary(bytes: Uint8Array): ProxyHeader {
  const reader = new VectorReader(bytes, "a PROXY header");
  reader.take(SIGNATURE.length);
  const versionAndCommand = reader.number(1);
  const familyAndTransport = reader.number(1);
  reader.number(2);
  const family = familyAndTransport >> 4;
  const transport = familyAndTransport & 0xf;
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) {
    throw malformed("a PROXY header", "has another version or command");
  }
  // A LOCAL header says nothing, whatever stands in it.
  if (versionAndCommand === 0x20) return { version: 2, endpoints: null, tlvs: [] };
  if (family > MAX_FAMILY || transport > MAX_TRANSPORT) {
    throw malformed("a PROXY header", "has another address family or transport");
  }
  if (transport !== STREAM || (family !== INET && family !== INET6)) {
    return { version: 2, endpoints: null, tlvs: [] };
  }
  const size = family === INET ? 4 : 16;
  const [from, to] = [addressText(reader.take(size)), addressText(reader.take(size))];
  const endpoints = {
    source: { address: from, port: reader.number(2) },
    destination: { address: to, port: reader.number(2) },
  };
  const tlvs: ProxyTlv[] = [];
  while (!reader.done) tlvs.push({ type: reader.number(1), value: reader.vector(2, { min: 0 }) });
  return { version: 2, endpoints, tlvs };
}

function encodeTlv({ type, value }: ProxyTlv): Uint8Array[] {
  // Longer ones are refused with the whole; what is written here is then never sent.
  return [Uint8Array.of(type), uint16(value.length), value];
}

function addressesOf({ source, destination }: ProxyEndpoints): { size: 4 | 16; addresses: Uint8Array[] } {
  const ips = [source, destination].map(({ address }) => {
    const ip = parseIp(address);
    if (ip === null) throw new TypeError("Cannot write a PROXY header as an end has no IP address");
    return ip;
  });
  const size = ips.every(({ version }) => version === 4) ? 4 : 16;
  return { size, addresses: ips.map((ip) => addressBytes(ip, size)) };
}

function addressBytes({ version, value }: IpAddress, size: 4 | 16): Uint8Array {
  const whole = version === 4 && size === 16 ? 0xffff_0000_0000n | value : value;
  return Uint8Array.from(
    { length: size },
    (_, index) => Number(whole >> BigInt(8 * (size - 1 - index)) & 0xffn),
  );
}

/** As RFC 5952 writes it. */
function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => bytes[2 * index]! * 256 + bytes[2 * index + 1]!);
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1);
}

function checkPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new TypeError(`Cannot write a PROXY header as a port must be from 0 to 65535: it is ${port}`);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}
