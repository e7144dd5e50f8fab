import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import type { TestGateway } from "./test_gateway.ts";

const PREFACE = utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const GOAWAY = 7;
const END_STREAM = 1;
const END_HEADERS = 4;

/** An HTTP/2 connection (RFC 9113) on which frames are sent as they are; what comes is read and dropped. */
export class RawHttp2 {
  readonly #conn: Deno.TlsConn;
  /** Settles when the gateway has ended the connection, or at once if nothing is read. */
  readonly ended: Promise<void>;

  private constructor(conn: Deno.TlsConn, ended: Promise<void>) {
    this.#conn = conn;
    this.ended = ended;
  }

  /** Connects and says hello. @param options `reads`: whether it reads what comes; default: true */
  static async open(gateway: TestGateway, options: { reads?: boolean } = {}): Promise<RawHttp2> {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port: gateway.port });
    const conn = await Deno.startTls(tcp, {
      hostname: "localhost",
      caCerts: [gateway.caPem],
      alpnProtocols: ["h2"],
    });
    const raw = new RawHttp2(conn, options.reads === false ? Promise.resolve() : drain(conn));
    await raw.send([PREFACE, frame(SETTINGS, { flags: 0, stream: 0, payload: new Uint8Array() })]);
    return raw;
  }

  /** Sends everything, unless the gateway has closed. @returns whether it was sent */
  async send(parts: readonly Uint8Array[]): Promise<boolean> {
    const bytes = concatBytes(parts);
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // The gateway was first.
    }
  }
}

/** `GET https://localhost/`, which the client has finished or, with `open`, has not. */
export function getFrame(stream: number, options: { open?: boolean } = {}): Uint8Array {
  // :method GET, :scheme https, :path / of the static table; :authority as a literal (RFC 7541 appendix A).
  const payload = concatBytes([new Uint8Array([0x82, 0x87, 0x84]), literal(1, "localhost")]);
  return frame(HEADERS, { flags: END_HEADERS | (options.open ? 0 : END_STREAM), stream, payload });
}

/** CONNECT to `authority`. */
export function connectFrame(stream: number, authority: string): Uint8Array {
  const payload = concatBytes([literal(2, "CONNECT"), literal(1, authority)]);
  return frame(HEADERS, { flags: END_HEADERS, stream, payload });
}

/** A head of fields as they are, which are not indexed. */
export function headFrame(
  stream: number,
  fields: readonly (readonly [name: string, value: string])[],
  options: { open?: boolean } = {},
): Uint8Array {
  const payload = concatBytes(fields.flatMap(([name, value]) => [
    new Uint8Array([0, name.length]),
    Uint8Array.from(name, (char) => char.charCodeAt(0)),
    new Uint8Array([value.length]),
    Uint8Array.from(value, (char) => char.charCodeAt(0)),
  ]));
  return frame(HEADERS, { flags: END_HEADERS | (options.open ? 0 : END_STREAM), stream, payload });
}

/** The last of a body. */
export function dataFrame(stream: number, text: string): Uint8Array {
  return frame(DATA, { flags: END_STREAM, stream, payload: utf8(text) });
}

/** Gives a stream up (CANCEL). */
export function resetFrame(stream: number): Uint8Array {
  return frame(RST_STREAM, { flags: 0, stream, payload: new Uint8Array([0, 0, 0, 8]) });
}

/** Says that no stream of the gateway will be answered, and why: NO_ERROR. */
export function goawayFrame(): Uint8Array {
  return frame(GOAWAY, { flags: 0, stream: 0, payload: new Uint8Array(8) });
}

/** A frame of any type, without flags, as it is. */
export function rawFrame(type: number, stream: number, payload: readonly number[]): Uint8Array {
  return frame(type, { flags: 0, stream, payload: Uint8Array.from(payload) });
}

/** A frame of any type. */
export function frame(
  type: number,
  options: { flags: number; stream: number; payload: Uint8Array },
): Uint8Array {
  const head = new Uint8Array(9);
  const view = new DataView(head.buffer);
  view.setUint16(1, options.payload.length);
  head[3] = type;
  head[4] = options.flags;
  view.setUint32(5, options.stream);
  return concatBytes([head, options.payload]);
}

/** A field that is not to be indexed, its name from the static table. */
function literal(nameIndex: number, value: string): Uint8Array {
  return concatBytes([new Uint8Array([nameIndex, value.length]), utf8(value)]);
}

async function drain(conn: Deno.TlsConn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // Closed by us.
  }
}
