import { setImmediate } from "node:timers";
import type { ByteStream } from "../base/byte_stream.ts";
import { DEFAULT_FRAME_BYTES, FRAME_HEAD_BYTES } from "../codec/http2_frame.ts";

/** What goes out in one piece, which with the last frame has at most 128 KiB: TLS takes no more at once. */
const PIECE_BYTES = 111 * 1024;
const MAX_PIECE_BYTES = PIECE_BYTES + FRAME_HEAD_BYTES + DEFAULT_FRAME_BYTES;
const MIN_BUFFER_BYTES = 1024;
/** Who has so much waiting that it does not read, answers to its own frames among it, is a flood. */
const MAX_CONTROL_BYTES = 64 * 1024;
/** So many small pieces in a row, and a larger buffer is given up. */
const SMALL_PIECES = 16;

/** A stream that has something to send. */
export interface Http2Sender {
  /** Whether something could be sent if the connection has room. */
  readonly isReady: boolean;
  /** Writes at most one frame with content. @returns whether it wrote anything */
  fill(output: Http2Output): boolean;
}

/**
 * What goes out on an HTTP/2 connection: frames of the connection first, then a frame of each stream in turn, as long as
 * windows allow. All that waits goes out in one piece: the parts of an answer that come within one turn of the event loop
 * share a record of TLS and a segment. A tunnel waits for nothing.
 */
export class Http2Output {
  /** What may be sent before the next WINDOW_UPDATE (RFC 9113 section 6.9). */
  window = 65_535;
  /** The longest payload of a frame. */
  maxFrameBytes: number = DEFAULT_FRAME_BYTES;
  readonly #stream: Pick<ByteStream, "write">;
  readonly #onFailure: (error: unknown) => void;
  readonly #ready = new Set<Http2Sender>();
  #control: Uint8Array[] = [];
  #controlBytes = 0;
  #buffer = new Uint8Array(0);
  #size = 0;
  #smallPieces = 0;
  #isWriting = false;
  #isGathering = false;
  #isClosed = false;
  #whenFlushed: (() => void)[] = [];
  /** Of the piece that is being made or written. */
  #whenWritten: (() => void)[] = [];

  /** Sends nothing yet. @param onFailure hears once that nothing can be sent any more */
  constructor(stream: Pick<ByteStream, "write">, onFailure: (error: unknown) => void) {
    this.#stream = stream;
    this.#onFailure = onFailure;
  }

  /** Sends a whole frame before all content. @returns whether there was room; if not, the peer does not read */
  control(frame: Uint8Array): boolean {
    if (this.#isClosed) return true;
    this.#control.push(frame);
    this.#controlBytes += frame.length;
    this.#start({ isUrgent: false });
    return this.#controlBytes <= MAX_CONTROL_BYTES;
  }

  /** A stream has something to send. @param options `isUrgent`: nothing more is waited for */
  ready(sender: Http2Sender, options: { isUrgent: boolean }): void {
    this.#ready.add(sender);
    this.#start(options);
  }

  /** A stream has nothing to send any more. */
  forget(sender: Http2Sender): void {
    this.#ready.delete(sender);
  }

  /** The peer takes more. */
  grant(increment: number): void {
    this.window += increment;
    if (this.#ready.size > 0) this.#start({ isUrgent: true });
  }

  /** Waits until everything that can be sent has been sent. */
  async flushed(): Promise<void> {
    this.#start({ isUrgent: true });
    if (this.#isWriting) await new Promise<void>((resolve) => this.#whenFlushed.push(resolve));
  }

  /** Sends nothing any more. Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    this.#ready.clear();
    this.#control = [];
    this.#written();
    this.#whenFlushed.splice(0).forEach((resolve) => resolve());
  }

  /** Room for `length` bytes of the piece that is being made. */
  take(length: number): { into: Uint8Array; at: number } {
    const at = this.#size;
    this.#size += length;
    if (this.#size > this.#buffer.length) this.#grow();
    return { into: this.#buffer, at };
  }

  /** Calls `run` when the piece that is being made has been written, or nothing is written any more. */
  whenWritten(run: () => void): void {
    this.#whenWritten.push(run);
  }

  #start({ isUrgent }: { isUrgent: boolean }): void {
    if (this.#isWriting || this.#isClosed) return;
    if (isUrgent) void this.#run();
    else if (!this.#isGathering) {
      this.#isGathering = true;
      setImmediate(() => {
        this.#isGathering = false;
        this.#start({ isUrgent: true });
      });
    }
  }

  async #run(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#fill()) {
        await this.#stream.write(this.#buffer.subarray(0, this.#size));
        this.#written();
      }
    } catch (error) {
      if (!this.#isClosed) this.#onFailure(error);
    }
    this.#isWriting = false;
    this.#whenFlushed.splice(0).forEach((resolve) => resolve());
  }

  #written(): void {
    for (const run of this.#whenWritten.splice(0)) run();
  }

  /** Makes the next piece. @returns whether there is one */
  #fill(): boolean {
    this.#shrink();
    this.#size = 0;
    if (this.#isClosed) return false;
    for (const frame of this.#control) {
      const { into, at } = this.take(frame.length);
      into.set(frame, at);
    }
    this.#control = [];
    this.#controlBytes = 0;
    while (this.#size < PIECE_BYTES && this.#fillRound());
    return this.#size > 0;
  }

  /** A frame of each stream. @returns whether there was any */
  #fillRound(): boolean {
    let hasFilled = false;
    for (const sender of [...this.#ready]) {
      if (sender.fill(this)) hasFilled = true;
      this.#ready.delete(sender);
      if (sender.isReady) this.#ready.add(sender);
      if (this.#size >= PIECE_BYTES) return true;
    }
    return hasFilled;
  }

  #grow(): void {
    let length = Math.max(MIN_BUFFER_BYTES, 2 * this.#buffer.length);
    while (length < this.#size) length *= 2;
    const buffer = new Uint8Array(Math.max(this.#size, Math.min(length, MAX_PIECE_BYTES)));
    buffer.set(this.#buffer);
    this.#buffer = buffer;
  }

  #shrink(): void {
    if (this.#buffer.length <= MIN_BUFFER_BYTES) return;
    this.#smallPieces = this.#size <= MIN_BUFFER_BYTES ? this.#smallPieces + 1 : 0;
    if (this.#smallPieces < SMALL_PIECES) return;
    this.#smallPieces = 0;
    this.#buffer = new Uint8Array(0);
  }
}
