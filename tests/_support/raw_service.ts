import { utf8 } from "../../lib/base/bytes.ts";

/** A service that writes down every byte it is sent, and answers each request head with 200 and no body. */
export class RawService implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  /** All that came, on every connection. */
  received = "";

  constructor() {
    void this.#accept();
  }

  /** As in `to`. */
  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#open.add(conn);
      void this.#serve(conn).catch(() => {});
    }
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      const text = new TextDecoder("latin1").decode(buffer.subarray(0, count));
      this.received += text;
      for (const _ of text.matchAll(/ HTTP\/1\.1\r\n/g)) {
        await conn.write(utf8("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
      }
    }
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const conn of this.#open) {
      try {
        conn.close();
      } catch {
        // The gateway was first.
      }
    }
  }
}
