import { Buffer } from "node:buffer";
import type { HealthProbe } from "../config/upstream_settings.ts";
import { HealthCheckError } from "./health_check_error.ts";
import type { ProbeConnection } from "./_probe.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";

/** What is looked for stands no further from the beginning. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Sends bytes, and waits until those that are expected have come, in their order, others between them or not. */
export class TcpProbe implements ProbeConnection {
  readonly #connection: UpstreamConnection;
  readonly #send: Uint8Array;
  readonly #receive: readonly Uint8Array[];

  /** Nothing is sent yet. @param connection owned from now on */
  constructor(connection: UpstreamConnection, { send, receive }: HealthProbe & { kind: "tcp" }) {
    this.#connection = connection;
    this.#send = Uint8Array.fromHex(send);
    this.#receive = receive.map((block) => Uint8Array.fromHex(block));
  }

  /** {@inheritDoc ProbeConnection.ask} */
  async ask(): Promise<boolean> {
    const { stream } = this.#connection;
    if (this.#send.length > 0) await stream.write(this.#send);
    const answer = Buffer.alloc(MAX_ANSWER_BYTES);
    const into = new Uint8Array(4096);
    for (let filled = 0; !holdsInOrder(answer.subarray(0, filled), this.#receive);) {
      const count = await stream.read(into.subarray(0, Math.min(into.length, MAX_ANSWER_BYTES - filled)));
      if (count === null) throw new HealthCheckError("health-check/answer", "it closed the connection");
      answer.set(into.subarray(0, count), filled);
      filled += count;
      if (filled === MAX_ANSWER_BYTES) {
        throw new HealthCheckError("health-check/answer", "its answer does not hold what is expected");
      }
    }
    // A connection that is only there says nothing the second time.
    return this.#receive.length > 0;
  }

  /** {@inheritDoc ProbeConnection.close} */
  close(): void {
    this.#connection.stream.close();
  }
}

function holdsInOrder(answer: Buffer, blocks: readonly Uint8Array[]): boolean {
  let at = 0;
  return blocks.every((block) => {
    const found = answer.indexOf(block, at);
    at = found + block.length;
    return found >= 0;
  });
}
