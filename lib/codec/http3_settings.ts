import { concatBytes } from "../base/bytes.ts";
import { Http3Error } from "./http3_error.ts";
import { encodeVarint, varintAt, varintLengthAt } from "./varint.ts";

/** What one end says of itself in its SETTINGS frame (RFC 9114 section 7.2.4). */
export interface Http3Settings {
  /** Bytes of a field section, counted as RFC 9114 section 4.2.2 does; `Infinity` when unlimited. */
  readonly maxFieldSectionBytes: number;
  /** Bytes of the dynamic table (RFC 9204 section 5). */
  readonly qpackMaxTableCapacity: number;
  /** Streams that may wait for the dynamic table (RFC 9204 section 5). */
  readonly qpackBlockedStreams: number;
  /** Whether extended CONNECT is understood (RFC 9220 section 3). */
  readonly enableConnectProtocol: boolean;
  /** Whether datagrams are understood (RFC 9297 section 2.1.1). */
  readonly h3Datagram: boolean;
}

/** What holds before SETTINGS come, and for those that do not come. */
export const DEFAULT_HTTP3_SETTINGS: Http3Settings = {
  maxFieldSectionBytes: Infinity,
  qpackMaxTableCapacity: 0,
  qpackBlockedStreams: 0,
  enableConnectProtocol: false,
  h3Datagram: false,
};

const QPACK_MAX_TABLE_CAPACITY = 0x01;
const MAX_FIELD_SECTION_SIZE = 0x06;
const QPACK_BLOCKED_STREAMS = 0x07;
const ENABLE_CONNECT_PROTOCOL = 0x08;
const H3_DATAGRAM = 0x33;
/** RFC 9114 section 11.2.2. */
const RESERVED: ReadonlySet<number> = new Set([0x00, 0x02, 0x03, 0x04, 0x05]);
const MAX_SETTINGS = 64;

/** The payload of a SETTINGS frame. Says only what differs from {@link DEFAULT_HTTP3_SETTINGS}. */
export function encodeHttp3Settings(settings: Partial<Http3Settings>): Uint8Array<ArrayBuffer> {
  const all = { ...DEFAULT_HTTP3_SETTINGS, ...settings };
  const pairs: readonly (readonly [id: number, value: number])[] = [
    [QPACK_MAX_TABLE_CAPACITY, all.qpackMaxTableCapacity],
    [MAX_FIELD_SECTION_SIZE, all.maxFieldSectionBytes],
    [QPACK_BLOCKED_STREAMS, all.qpackBlockedStreams],
    [ENABLE_CONNECT_PROTOCOL, Number(all.enableConnectProtocol)],
    [H3_DATAGRAM, Number(all.h3Datagram)],
  ];
  const said = pairs.filter(([id, value]) => value !== (id === MAX_FIELD_SECTION_SIZE ? Infinity : 0));
  return concatBytes(said.flat().map(encodeVarint));
}

/**
 * Reads the payload of a SETTINGS frame. Unknown settings are passed over.
 *
 * @throws {Http3Error} `H3_SETTINGS_ERROR`: one comes twice, is reserved because HTTP/2 has it, or is not 0 or 1 where it
 * must be; `H3_FRAME_ERROR`: ends early; `H3_EXCESSIVE_LOAD`: more than 64 settings
 */
export function decodeHttp3Settings(payload: Uint8Array): Http3Settings {
  const values = decodePairs(payload);
  return {
    maxFieldSectionBytes: values.get(MAX_FIELD_SECTION_SIZE) ?? Infinity,
    qpackMaxTableCapacity: values.get(QPACK_MAX_TABLE_CAPACITY) ?? 0,
    qpackBlockedStreams: values.get(QPACK_BLOCKED_STREAMS) ?? 0,
    enableConnectProtocol: flag(values.get(ENABLE_CONNECT_PROTOCOL)),
    h3Datagram: flag(values.get(H3_DATAGRAM)),
  };
}

function decodePairs(payload: Uint8Array): Map<number, number> {
  const values = new Map<number, number>();
  let at = 0;
  const next = (): number => {
    const value = varintAt(payload, at);
    if (value < 0) throw new Http3Error("H3_FRAME_ERROR", "Cannot read SETTINGS: they end early");
    at += varintLengthAt(payload, at);
    return value;
  };
  for (let count = 0; at < payload.length; count++) {
    if (count === MAX_SETTINGS) {
      throw new Http3Error("H3_EXCESSIVE_LOAD", `Cannot read SETTINGS: there are more than ${MAX_SETTINGS}`);
    }
    const id = next();
    const value = next();
    if (RESERVED.has(id) || values.has(id)) throw settingsError(`${id} is reserved or comes twice`);
    // Above that, two different ids can be one number, and none has a meaning.
    if (Number.isSafeInteger(id)) values.set(id, value);
  }
  return values;
}

function flag(value = 0): boolean {
  if (value > 1) throw settingsError("a flag is neither 0 nor 1");
  return value === 1;
}

function settingsError(found: string): Http3Error {
  return new Http3Error("H3_SETTINGS_ERROR", `Cannot read SETTINGS: ${found}`);
}
