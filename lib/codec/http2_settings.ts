import { encodeHttp2Frame, HTTP2_FRAME, uint32At, writeUint32, wrongSize } from "./http2_frame.ts";
import { Http2Error } from "./http2_error.ts";

const ENTRY_BYTES = 6;
const MAX_WINDOW = 2 ** 31 - 1;
const MIN_FRAME_BYTES = 16_384;
const MAX_FRAME_BYTES = 2 ** 24 - 1;

/** Identifiers of settings (RFC 9113 section 6.5.2, RFC 8441 section 3). */
const SETTING = {
  enablePush: 2,
  maxStreams: 3,
  initialWindowBytes: 4,
  maxFrameBytes: 5,
  maxHeadBytes: 6,
  enableConnectProtocol: 8,
} as const;

/** What one end of a connection says of itself. */
export interface Http2Settings {
  /** Whether a server may push; a client's only. */
  readonly enablePush: boolean;
  /** Streams that the other end may have open at once. */
  readonly maxStreams: number;
  /** What may be sent on a new stream before a WINDOW_UPDATE. */
  readonly initialWindowBytes: number;
  /** The longest payload of a frame that is taken. */
  readonly maxFrameBytes: number;
  /** Of a field section, with 32 for each field. */
  readonly maxHeadBytes: number;
  /** Whether a server takes extended CONNECT (RFC 8441). */
  readonly enableConnectProtocol: boolean;
}

/** What counts before the first SETTINGS. */
export const DEFAULT_HTTP2_SETTINGS: Http2Settings = {
  enablePush: true,
  maxStreams: Infinity,
  initialWindowBytes: 65_535,
  maxFrameBytes: MIN_FRAME_BYTES,
  maxHeadBytes: Infinity,
  enableConnectProtocol: false,
};

/** What has no value of its own in SETTINGS. */
export const SETTINGS_ACK: Uint8Array = encodeHttp2Frame(
  { type: HTTP2_FRAME.settings, flags: 1, streamId: 0 },
  new Uint8Array(0),
);

/** A SETTINGS frame. */
export function encodeHttp2Settings(settings: Partial<Http2Settings>): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(settings) as [keyof Http2Settings, number | boolean][];
  const payload = new Uint8Array(entries.length * ENTRY_BYTES);
  for (const [at, [name, value]] of entries.entries()) {
    payload[at * ENTRY_BYTES + 1] = SETTING[name];
    writeUint32(payload, at * ENTRY_BYTES + 2, Number(value));
  }
  return encodeHttp2Frame({ type: HTTP2_FRAME.settings, flags: 0, streamId: 0 }, payload);
}

/**
 * Reads the payload of SETTINGS that is no acknowledgement (RFC 9113 section 6.5).
 *
 * @param before what counted so far; what is not mentioned stays
 * @throws {Http2Error} `FRAME_SIZE_ERROR`, `PROTOCOL_ERROR`, `FLOW_CONTROL_ERROR`
 */
export function parseHttp2Settings(payload: Uint8Array, before: Http2Settings): Http2Settings {
  if (payload.length % ENTRY_BYTES !== 0) throw wrongSize("SETTINGS", payload.length);
  let settings = before;
  for (let at = 0; at < payload.length; at += ENTRY_BYTES) {
    const id = payload[at]! * 256 + payload[at + 1]!;
    settings = { ...settings, ...read(id, uint32At(payload, at + 2)) };
  }
  return settings;
}

function read(id: number, value: number): Partial<Http2Settings> {
  switch (id) {
    case SETTING.enablePush:
      return { enablePush: flag(value) };
    case SETTING.maxStreams:
      return { maxStreams: value };
    case SETTING.initialWindowBytes:
      if (value > MAX_WINDOW) throw wrong("FLOW_CONTROL_ERROR", "a window is too large");
      return { initialWindowBytes: value };
    case SETTING.maxFrameBytes:
      if (value < MIN_FRAME_BYTES || value > MAX_FRAME_BYTES) {
        throw wrong("PROTOCOL_ERROR", "frames have a wrong size");
      }
      return { maxFrameBytes: value };
    case SETTING.maxHeadBytes:
      return { maxHeadBytes: value };
    case SETTING.enableConnectProtocol:
      return { enableConnectProtocol: flag(value) };
    default:
      return {};
  }
}

function flag(value: number): boolean {
  if (value > 1) throw wrong("PROTOCOL_ERROR", "a switch is neither on nor off");
  return value === 1;
}

function wrong(name: "FLOW_CONTROL_ERROR" | "PROTOCOL_ERROR", what: string): Http2Error {
  return new Http2Error(name, `Cannot take SETTINGS: ${what}`);
}
