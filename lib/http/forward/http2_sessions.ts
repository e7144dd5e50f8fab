import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { StreamDuplex } from "../../base/stream_duplex.ts";
import { GoawayFilter } from "../../codec/goaway_filter.ts";
import type { UpstreamConnection } from "../../upstream/upstream_connection.ts";

const IDLE_MS = 30_000;
/** More at once go over another connection, whatever the service allows. */
const MAX_STREAMS = 100;
const STREAM_WINDOW_BYTES = 1024 * 1024;
const SESSION_WINDOW_BYTES = 8 * 1024 * 1024;

interface Entry {
  readonly session: ClientHttp2Session;
  readonly duplex: StreamDuplex;
  readonly whenRetired: Set<() => void>;
  streams: number;
  isRetired: boolean;
  /** Streams above it have not been looked at, and will not be. */
  lastStream: number;
  idle: ReturnType<typeof setTimeout> | null;
}

/** A stream that may be opened on a connection, until it is given back. */
export interface StreamPlace extends Disposable {
  /** The connection. */
  readonly session: ClientHttp2Session;
  /** Whether the service has said that it will not look at a stream (RFC 9113 section 6.8). */
  isIgnored(streamId: number): boolean;
  /** Calls `run` when the service says which streams it will not look at. */
  onFarewell(run: () => void): void;
}

/** Keeps the HTTP/2 connections to one service. */
export class Http2Sessions {
  readonly #entries = new Set<Entry>();
  readonly #idleMs: number;

  /** Has none yet. @param options `keeps`: whether a connection stays when its last stream is over */
  constructor({ keeps = true }: { keeps?: boolean } = {}) {
    this.#idleMs = keeps ? IDLE_MS : 0;
  }

  /** Room for a stream on a connection that is open already; `null` when there is none. */
  take(): StreamPlace | null {
    for (const entry of this.#entries) {
      const limit = Math.min(MAX_STREAMS, entry.session.remoteSettings?.maxConcurrentStreams ?? MAX_STREAMS);
      const isOpen = !entry.isRetired && !entry.session.destroyed && !entry.duplex.destroyed;
      if (isOpen && entry.streams < limit) return this.#place(entry);
    }
    return null;
  }

  /** Adds a connection. @returns room for a stream on it */
  add({ stream }: UpstreamConnection): StreamPlace {
    // A service that says farewell finishes what it has begun (RFC 9113 section 6.8).
    const filter = new GoawayFilter({
      from: "server",
      onGoaway: (lastStream) => this.#retire(entry, lastStream),
    });
    const duplex = new StreamDuplex(stream, { filter });
    duplex.on("error", () => {});
    const session = connectHttp2("http://service", {
      createConnection: () => duplex,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    const entry: Entry = {
      session,
      duplex,
      whenRetired: new Set(),
      streams: 0,
      isRetired: false,
      lastStream: Infinity,
      idle: null,
    };
    session.on("error", () => {});
    session.once("connect", () => session.setLocalWindowSize?.(SESSION_WINDOW_BYTES));
    duplex.once("close", () => {
      this.#entries.delete(entry);
      if (!session.destroyed) session.destroy();
    });
    this.#entries.add(entry);
    return this.#place(entry);
  }

  #place(entry: Entry): StreamPlace {
    const idleMs = this.#idleMs;
    entry.streams++;
    if (entry.idle !== null) clearTimeout(entry.idle);
    let isBack = false;
    let whenRetired = () => {};
    return {
      session: entry.session,
      isIgnored: (streamId) => streamId > entry.lastStream,
      onFarewell(run) {
        whenRetired = run;
        entry.whenRetired.add(run);
      },
      [Symbol.dispose]() {
        if (isBack) return;
        isBack = true;
        entry.whenRetired.delete(whenRetired);
        entry.streams--;
        if (entry.streams > 0) return;
        entry.idle = setTimeout(() => close(entry), entry.isRetired ? 0 : idleMs);
      },
    };
  }

  #retire(entry: Entry, lastStream: number): void {
    entry.isRetired = true;
    entry.lastStream = lastStream;
    this.#entries.delete(entry);
    for (const run of entry.whenRetired) run();
    if (entry.streams === 0) close(entry);
  }
}

/** Not through the session, which would send GOAWAY: that can fail an assertion of the platform (Deno 2.9.6). */
function close({ duplex }: Entry): void {
  duplex.destroy();
}
