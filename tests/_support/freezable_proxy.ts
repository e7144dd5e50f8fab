/** A TCP proxy whose connections can be made to fall silent, as those of a machine that lost its power do. */
export class FreezableProxy implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #targetPort: number;
  readonly #conns = new Set<Deno.Conn>();
  /** Moves on at each freeze; what belongs to an earlier one forwards nothing any more. */
  #generation = 0;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    void this.#accept();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** From here on nothing passes through the connections there are; new ones work. */
  freeze(): void {
    this.#generation++;
  }

  /** Closes the connections there are; new ones work. */
  cut(): void {
    for (const conn of this.#conns) close(conn);
    this.#conns.clear();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    this.cut();
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#conns.add(conn);
      const target = await Deno.connect({ hostname: "127.0.0.1", port: this.#targetPort });
      this.#conns.add(target);
      void this.#forward(conn, target);
      void this.#forward(target, conn);
    }
  }

  async #forward(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const generation = this.#generation;
    const buffer = new Uint8Array(16_384);
    try {
      for (let count; (count = await from.read(buffer)) !== null;) {
        if (generation !== this.#generation) return;
        for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
      }
    } catch {
      // It was cut.
    }
    if (generation === this.#generation) close(to);
  }
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed already.
  }
}
