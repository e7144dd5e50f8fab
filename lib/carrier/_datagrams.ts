import type { DatagramSender } from "./stream_host.ts";

/** Datagrams that the platform has not taken yet, beyond the 1 MiB of its own queue. */
const MAX_WAITING = 64;

/** Sends the datagrams of a connection; none waits for long. */
export class ConnectionDatagrams implements DatagramSender {
  readonly #conn: Deno.QuicConn;
  readonly #isAllowed: () => boolean;
  #scratch = new Uint8Array(2048);
  #waiting = 0;
  readonly #settled = () => void this.#waiting--;

  /** @param isAllowed whether the peer has said that it takes datagrams of HTTP */
  constructor(conn: Deno.QuicConn, isAllowed: () => boolean) {
    this.#conn = conn;
    this.#isAllowed = isAllowed;
  }

  get maxBytes(): number {
    return this.#isAllowed() ? this.#conn.maxDatagramSize : 0;
  }

  send(prefix: Uint8Array, payload: Uint8Array): boolean {
    const length = prefix.length + payload.length;
    if (this.#waiting >= MAX_WAITING || length > this.maxBytes) return false;
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(length);
    this.#scratch.set(prefix);
    this.#scratch.set(payload, prefix.length);
    this.#waiting++;
    // The platform copies before it returns.
    this.#conn.sendDatagram(this.#scratch.subarray(0, length)).then(this.#settled, this.#settled);
    return true;
  }
}
