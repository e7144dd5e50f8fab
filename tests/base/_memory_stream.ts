import type { ByteStream } from "../../lib/base/byte_stream.ts";

/** Two ends of a connection in memory. A write resolves once the other end has read all of it: full backpressure. */
export function memoryPair(): [ByteStream, ByteStream] {
  const there = new OneWay();
  const back = new OneWay();
  return [endOf(back, there), endOf(there, back)];
}

class OneWay {
  #pending: { bytes: Uint8Array; taken: PromiseWithResolvers<void> } | null = null;
  #ended = false;
  #failure: Error | null = null;
  #changed = Promise.withResolvers<void>();

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#pending === null) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return null;
      await this.#changed.promise;
    }
    const { bytes, taken } = this.#pending;
    const count = Math.min(into.length, bytes.length);
    into.set(bytes.subarray(0, count));
    if (count < bytes.length) this.#pending.bytes = bytes.subarray(count);
    else {
      this.#pending = null;
      taken.resolve();
    }
    return count;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#ended || this.#pending !== null) throw new TypeError("Cannot write: ended or busy");
    if (bytes.length === 0) return;
    const taken = Promise.withResolvers<void>();
    this.#pending = { bytes: bytes.slice(), taken };
    this.#wake();
    await taken.promise;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The writer is gone: what nobody has read yet is lost. */
  abandon(error: Error): void {
    this.#pending?.taken.reject(error);
    this.#pending = null;
    this.end();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#pending?.taken.reject(this.#failure);
    this.#pending = null;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

function endOf(input: OneWay, output: OneWay): ByteStream {
  return {
    read: (into) => input.read(into),
    write: (bytes) => output.write(bytes),
    closeWrite: () => Promise.resolve(output.end()),
    close() {
      input.fail(new Error("closed"));
      output.abandon(new Error("closed"));
    },
  };
}
