import type { ByteStream } from "../base/byte_stream.ts";
import type { PastTunnel } from "../tunnel/registry.ts";

/** A connection that a publisher was asked to come back for. */
export interface JoinRequest {
  /** Of the publisher. */
  readonly sessionId: string;
  /** Which connection. */
  readonly connection: string;
}

/** The other processes of a gateway, which share its port: a client can come to any of them. */
export interface Siblings {
  /** What the ids of connections begin with that this process asks publishers for. */
  readonly mark: string;
  /**
   * Finds the process that waits for a connection.
   *
   * @returns a stream to it, which the caller closes; `null` when none does
   */
  join(request: JoinRequest): Promise<ByteStream | null>;
  /** How a tunnel ended that another process had; `null`: none remembers it. */
  pastTunnel(id: string): Promise<PastTunnel | null>;
}
