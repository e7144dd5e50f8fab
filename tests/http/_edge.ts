import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import type { ConnectionFacts } from "../../lib/base/connection.ts";
import { type EdgeLimits, type EdgeOptions, HttpEdge } from "../../lib/http/edge.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { ManualClock } from "../_support/manual_clock.ts";

/** A connection from 192.0.2.7. */
export function factsOf(alpn: string | null): ConnectionFacts {
  return {
    peer: { address: "192.0.2.7", port: 40_000 },
    localAddress: "192.0.2.1",
    localPort: 8443,
    alpn,
    serverName: null,
    clientCertificates: null,
  };
}

export const LIMITS: EdgeLimits = {
  maxHeadBytes: 64 * 1024,
  headTimeoutMs: 30_000,
  idleTimeoutMs: 300_000,
  maxStreams: 10,
};

/** An edge with a clock that stands still, around one application. */
export function edgeOf(fetch: EdgeOptions["fetch"]) {
  const clock = new ManualClock();
  const edge = new HttpEdge({ fetch, limits: LIMITS, clock, log: silentLog });
  return {
    clock,
    edge,
    /** A new HTTP/1.1 connection, seen from the client. */
    connect(): HttpClient {
      const [far, near] = memoryPair();
      edge.serve({ facts: factsOf("http/1.1"), stream: near });
      return new HttpClient(far);
    },
  };
}

/** The client's end of a connection in memory, which reads whatever comes. */
export class HttpClient {
  readonly stream: ByteStream;
  /** All that came so far. */
  received = "";
  /** Resolves when the other side ends or breaks the connection. */
  readonly ended: Promise<void>;

  constructor(stream: ByteStream) {
    this.stream = stream;
    this.ended = this.#read().catch(() => {});
  }

  /** Sends text; what the other side does not take any more is lost. */
  async send(text: string): Promise<void> {
    await this.stream.write(utf8(text)).catch(() => {});
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    for (let count = await this.stream.read(buffer); count !== null; count = await this.stream.read(buffer)) {
      this.received += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
  }
}
