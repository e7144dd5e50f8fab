import type { Authority } from "../base/authority.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { type IpAddress, parseIp } from "../base/ip.ts";
import { CodecError } from "./codec_error.ts";

/** What comes of bytes of the server. */
export type Socks5Step =
  /** More bytes are needed; `send` goes to the server first, `null`: nothing. */
  | { readonly kind: "wait"; readonly send: Uint8Array<ArrayBuffer> | null }
  /** The destination is reached; `rest` came from it already. */
  | { readonly kind: "open"; readonly rest: Uint8Array<ArrayBuffer> }
  /** It is not reached, or not for us. */
  | { readonly kind: "refused"; readonly reason: string };

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const NO_METHOD = 0xff;
const CONNECT = 1;
const SUCCEEDED = 0;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 } as const;
const MAX_NAME_BYTES = 255;

/** RFC 1928 section 6, from 1 on. */
const REFUSALS: readonly string[] = [
  "general failure",
  "connection not allowed",
  "network unreachable",
  "host unreachable",
  "connection refused",
  "time to live expired",
  "command not supported",
  "address type not supported",
];

/**
 * The client side of SOCKS version 5 (RFC 1928): CONNECT without authentication. Bytes go in as they come, however they are
 * divided over chunks, and at most 262 are kept. Once it has failed or is no longer waiting, it must not be used again.
 */
export class Socks5Client {
  /** What the client sends first (section 3). */
  readonly greeting: Uint8Array<ArrayBuffer> = Uint8Array.of(VERSION, 1, NO_AUTHENTICATION);
  readonly #request: Uint8Array<ArrayBuffer>;
  #isChosen = false;
  #bytes = new Uint8Array(0);

  /**
   * For one connection.
   *
   * @param target a name of 1 to 255 bytes or an IP address, and a port of 0 to 65535
   * @throws {CodecError} `codec/too-large` for a longer name
   */
  constructor(target: Authority) {
    this.#request = encodeRequest(target);
  }

  /**
   * Takes what the server sent.
   *
   * @throws {CodecError} `codec/unexpected`: it does not speak this protocol; `codec/malformed`: it does not keep to its rules
   */
  push(chunk: Uint8Array): Socks5Step {
    this.#bytes = concatBytes([this.#bytes, chunk]);
    if (this.#isChosen) return this.#readReply();
    if (!this.#readMethod()) return { kind: "wait", send: null };
    const [method] = this.#bytes.subarray(1);
    if (method === NO_METHOD) return { kind: "refused", reason: "it asks for authentication" };
    if (method !== NO_AUTHENTICATION) {
      throw new CodecError("codec/malformed", "A SOCKS server chose a method that was not offered");
    }
    // Nothing may come before it is asked for.
    if (this.#bytes.length > 2) throw new CodecError("codec/malformed", "A SOCKS server spoke out of turn");
    this.#bytes = new Uint8Array(0);
    this.#isChosen = true;
    return { kind: "wait", send: this.#request };
  }

  /** Says that the server has finished. @throws {CodecError} `codec/truncated` */
  end(): never {
    throw new CodecError("codec/truncated", "A SOCKS server ended before it had answered");
  }

  /** @returns whether the choice of a method is complete (section 3) */
  #readMethod(): boolean {
    this.#checkVersion();
    return this.#bytes.length >= 2;
  }

  #readReply(): Socks5Step {
    this.#checkVersion();
    const [, reply, reserved = 0] = this.#bytes;
    if (reserved !== 0) {
      throw new CodecError("codec/malformed", "A SOCKS reply has a reserved byte that is not 0");
    }
    const length = replyLength(this.#bytes);
    if (length === null || this.#bytes.length < length) return { kind: "wait", send: null };
    if (reply !== SUCCEEDED) {
      return { kind: "refused", reason: REFUSALS[reply! - 1] ?? `reply ${reply}` };
    }
    return { kind: "open", rest: this.#bytes.slice(length) };
  }

  #checkVersion(): void {
    const [version = VERSION] = this.#bytes;
    if (version === VERSION) return;
    throw new CodecError("codec/unexpected", `SOCKS begins with the byte 5: found ${version}`);
  }
}

/** Section 4. */
function encodeRequest({ host, port }: Authority): Uint8Array<ArrayBuffer> {
  return concatBytes([
    Uint8Array.of(VERSION, CONNECT, 0),
    encodeAddress(host),
    Uint8Array.of(port >>> 8, port & 0xff),
  ]);
}

function encodeAddress(host: string): Uint8Array<ArrayBuffer> {
  const ip = parseIp(host);
  if (ip !== null) {
    const type = ip.version === 4 ? ADDRESS.ipv4 : ADDRESS.ipv6;
    return Uint8Array.of(type, ...octets(ip));
  }
  const name = utf8(host);
  if (name.length === 0 || name.length > MAX_NAME_BYTES) {
    const message = `A name in SOCKS has 1 to ${MAX_NAME_BYTES} bytes: found ${name.length}`;
    throw new CodecError("codec/too-large", message);
  }
  return Uint8Array.of(ADDRESS.name, name.length, ...name);
}

function octets({ version, value }: IpAddress): number[] {
  const count = version === 4 ? 4 : 16;
  return Array.from({ length: count }, (_, i) => Number((value >> BigInt(8 * (count - 1 - i))) & 255n));
}

/** Section 6. @returns `null` as long as it cannot be told */
function replyLength(bytes: Uint8Array): number | null {
  const [, , , type, first] = bytes;
  switch (type) {
    case undefined:
      return null;
    case ADDRESS.ipv4:
      return 4 + 4 + 2;
    case ADDRESS.ipv6:
      return 4 + 16 + 2;
    case ADDRESS.name:
      return first === undefined ? null : 4 + 1 + first + 2;
    default:
      throw new CodecError("codec/malformed", `A SOCKS reply has an address of the unknown type ${type}`);
  }
}
