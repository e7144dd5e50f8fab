import { Http2Connection } from "../../carrier/http2_connection.ts";
import type { UpstreamConnection } from "../../upstream/upstream_connection.ts";

const IDLE_MS = 30_000;
/** More at once go over another connection, whatever the service allows. */
const MAX_STREAMS = 100;

interface Entry {
  readonly connection: Http2Connection;
  streams: number;
  idle: ReturnType<typeof setTimeout> | null;
}

/** A stream that may be opened on a connection, until it is given back. */
export interface StreamPlace extends Disposable {
  /** The connection. */
  readonly connection: Http2Connection;
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
      const { isClosed, isGoingAway, isFull } = entry.connection;
      if (!isClosed && !isGoingAway && !isFull && entry.streams < MAX_STREAMS) return this.#place(entry);
    }
    return null;
  }

  /** Adds a connection. @returns room for a stream on it */
  add({ stream }: UpstreamConnection): StreamPlace {
    const connection = Http2Connection.connect(stream);
    const entry: Entry = { connection, streams: 0, idle: null };
    this.#entries.add(entry);
    void connection.closed.then(() => {
      this.#entries.delete(entry);
      if (entry.idle !== null) clearTimeout(entry.idle);
    });
    return this.#place(entry);
  }

  #place(entry: Entry): StreamPlace {
    const { connection } = entry;
    entry.streams++;
    if (entry.idle !== null) clearTimeout(entry.idle);
    let isBack = false;
    return {
      connection,
      [Symbol.dispose]: () => {
        if (isBack) return;
        isBack = true;
        entry.streams--;
        if (entry.streams > 0 || connection.isClosed) return;
        // A service that says farewell finishes what it has begun (RFC 9113 section 6.8).
        entry.idle = setTimeout(() => connection.close(), connection.isGoingAway ? 0 : this.#idleMs);
      },
    };
  }
}
