/**
 * Datagrams both ways, each whole or not at all: a UDP socket with one peer, the datagrams of one HTTP request (RFC 9297),
 * capsules on a byte stream. They may be lost, and nothing waits for them. Whoever opens a flow closes it.
 */
export interface DatagramFlow {
  /** Longest payload that {@link DatagramFlow.send} can pass on now, in bytes. It may change while the flow is open. */
  readonly maxPayloadBytes: number;
  /**
   * Sends one datagram, or drops it when it is too long or the way is full. Never waits, and keeps no reference to
   * `payload`, which may be empty.
   *
   * @returns whether it was passed on
   */
  send(payload: Uint8Array): boolean;
  /**
   * Delivers datagrams in the order of their arrival until the flow ends. To be called once.
   *
   * @param deliver is lent each payload until it returns; does not throw
   * @returns once the peer has ended the flow, or it was closed here
   * @throws what broke the flow
   */
  receive(deliver: (payload: Uint8Array) => void): Promise<void>;
  /** Ends the flow at once. Safe to call twice. */
  close(): void;
}
