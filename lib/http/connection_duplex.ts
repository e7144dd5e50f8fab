import type { Connection, ConnectionFacts } from "../base/connection.ts";
import { StreamDuplex } from "../base/stream_duplex.ts";
import { GoawayFilter } from "../codec/goaway_filter.ts";

/** A connection of a client as the socket that the platform's HTTP parsers take. */
export class ConnectionDuplex extends StreamDuplex {
  /** What the acceptor knows of the connection. */
  readonly facts: ConnectionFacts;
  /** IP address of the client. */
  readonly remoteAddress: string;
  /** Port of the client. */
  readonly remotePort: number;
  /** The duplex itself, also when it is seen through the proxy of an HTTP/2 session. */
  readonly self: ConnectionDuplex = this;

  /**
   * Takes over a connection.
   *
   * @param connection owned by the duplex until it is detached: destroying the duplex closes it
   */
  constructor({ facts, stream }: Connection) {
    super(stream, { filter: facts.alpn === "h2" ? new GoawayFilter({ from: "client" }) : null });
    this.facts = facts;
    this.remoteAddress = facts.peer.address;
    this.remotePort = facts.peer.port;
  }
}
