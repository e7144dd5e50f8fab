import { concatBytes } from "../base/bytes.ts";
import { CLIENT_PREFACE, encodeWindowUpdate } from "../codec/http2_frame.ts";
import { DEFAULT_HTTP2_SETTINGS, encodeHttp2Settings } from "../codec/http2_settings.ts";

/** Flow control: large enough that one stream is not held up on a long path (RFC 9113 section 5.2). */
export const STREAM_WINDOW_BYTES = 1024 * 1024;
/** Of all streams together. */
export const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024;

/** How either end begins (RFC 9113 section 3.4). @param maxStreams that a client may have at once; `null`: this is the client */
export function http2Hello({ maxStreams, maxHeadBytes }: {
  maxStreams: number | null;
  maxHeadBytes: number;
}): Uint8Array {
  const common = { initialWindowBytes: STREAM_WINDOW_BYTES, maxHeadBytes };
  const increment = CONNECTION_WINDOW_BYTES - DEFAULT_HTTP2_SETTINGS.initialWindowBytes;
  return concatBytes([
    maxStreams === null ? CLIENT_PREFACE : new Uint8Array(0),
    encodeHttp2Settings(
      maxStreams === null
        ? { ...common, enablePush: false }
        : { ...common, maxStreams, enableConnectProtocol: true },
    ),
    encodeWindowUpdate(0, increment),
  ]);
}
