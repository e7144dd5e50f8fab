import { utf8 } from "../../lib/base/bytes.ts";

const EMPTY = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/** A service that writes down every byte it is sent, and answers each request head as it is told: with 200 and no body. */
export class RawService implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #answer: (path: string) => string;
  /** All that came, on every connection. */
  received = "";

  /** @param answer the bytes, as Latin-1 characters */
  constructor(answer: (path: string) => string = () => EMPTY) {
    this.#answer = answer;
    void this.#accept();
  }

  /** As in `to`. */
  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#open.size;
  }

  /** Sends bytes that nobody asked for, on every connection. */
  async say(text: string): Promise<void> {
    for (const conn of this.#open) await conn.write(utf8(text));
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#open.add(conn);
      void this.#serve(conn).catch(() => {}).finally(() => this.#close(conn));
    }
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      const text = new TextDecoder("latin1").decode(buffer.subarray(0, count));
      this.received += text;
      for (const [, path = ""] of text.matchAll(/ (\S+) HTTP\/1\.1\r\n/g)) {
        const bytes = utf8(this.#answer(path));
        for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
      }
    }
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const conn of this.#open) this.#close(conn);
  }

  #close(conn: Deno.Conn): void {
    this.#open.delete(conn);
    try {
      conn.close();
    } catch {
      // The gateway was first.
    }
  }
}
