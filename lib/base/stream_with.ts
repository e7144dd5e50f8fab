import type { ByteStream } from "./byte_stream.ts";

/** The same stream, but for what `changes` does in its own way. */
export function streamWith(stream: ByteStream, changes: Partial<ByteStream>): ByteStream {
  return new ChangedStream(stream, changes);
}

/** A class, as tunnels are many: a record would cost a function for each method and tunnel. */
class ChangedStream implements ByteStream {
  readonly #stream: ByteStream;
  readonly #changes: Partial<ByteStream>;

  constructor(stream: ByteStream, changes: Partial<ByteStream>) {
    this.#stream = stream;
    this.#changes = changes;
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#changes.read?.(into) ?? this.#stream.read(into);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#changes.write?.(bytes) ?? this.#stream.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#changes.closeWrite?.() ?? this.#stream.closeWrite();
  }

  close(): void {
    const { close } = this.#changes;
    if (close === undefined) this.#stream.close();
    else close();
  }
}
