import { concatBytes } from "../base/bytes.ts";
import { FRAME_HEAD_BYTES, HTTP2_FLAG, HTTP2_FRAME, writeFrameHead } from "../codec/http2_frame.ts";
import { CarrierError } from "./carrier_error.ts";
import type { Http2Output, Http2Sender } from "./http2_output.ts";

/** Content of a stream that is kept until it can be sent; for more its writer waits. */
const MAX_KEPT_BYTES = 16 * 1024;
/** What a piece that is kept costs beside its bytes. */
const KEPT_OVERHEAD_BYTES = 64;
const NOTHING = new Uint8Array(0);
const FLAGS_OFFSET = 4;

interface Item {
  /** Whole frames of a head, or content. */
  readonly bytes: Uint8Array;
  readonly isHead: boolean;
  /** Nothing follows. */
  readonly isEnd: boolean;
  readonly sent: PromiseWithResolvers<void> | null;
  /** Of the content, how much has gone out. */
  at: number;
}

/** What one HTTP/2 stream sends, in order. */
export class StreamSender implements Http2Sender {
  /** Whether anything was to be sent. */
  hasSent = false;
  /** A tunnel waits for nothing. */
  isUrgent = false;
  readonly #streamId: number;
  readonly #output: Http2Output;
  readonly #onEnded: () => void;
  readonly #items: Item[] = [];
  #window: number;
  #keptBytes = 0;
  #isEnding = false;
  #failure: CarrierError | null = null;

  /** @param options `window`: what may be sent at first; `onEnded`: called when the end has gone out */
  constructor(
    streamId: number,
    { output, window, onEnded }: { output: Http2Output; window: number; onEnded: () => void },
  ) {
    this.#streamId = streamId;
    this.#output = output;
    this.#window = window;
    this.#onEnded = onEnded;
  }

  get isReady(): boolean {
    const first = this.#items[0];
    return first !== undefined && (first.isHead || first.bytes.length === 0 || this.#window > 0);
  }

  /** Sends a field section, in whole frames. @throws {CarrierError} */
  fields(frames: readonly Uint8Array[]): void {
    this.#add({ bytes: concatBytes(frames), isHead: true });
  }

  /** Sends content; resolves when there is room for more. @throws {CarrierError} */
  async data(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    const cost = bytes.length + KEPT_OVERHEAD_BYTES;
    if (this.#keptBytes + cost <= MAX_KEPT_BYTES) {
      this.#keptBytes += cost;
      return this.#add({ bytes: bytes.slice(), isHead: false });
    }
    const sent = Promise.withResolvers<void>();
    this.#add({ bytes, isHead: false, sent });
    await sent.promise;
  }

  /** Says that nothing follows; resolves when that has been written. @throws {CarrierError} */
  async end(): Promise<void> {
    if (this.#isEnding) return;
    const sent = Promise.withResolvers<void>();
    this.#add({ bytes: NOTHING, isHead: false, isEnd: true, sent });
    this.#isEnding = true;
    await sent.promise;
  }

  /** The peer takes more, or less. @returns whether the window is one that may be */
  grant(increment: number): boolean {
    this.#window += increment;
    if (this.isReady) this.#output.ready(this, { isUrgent: true });
    return this.#window < 2 ** 31;
  }

  /** Sends nothing any more; what waits fails with `failure`. Safe to call twice. */
  close(failure: CarrierError): void {
    this.#failure ??= failure;
    this.#output.forget(this);
    for (const { sent } of this.#items.splice(0)) sent?.reject(this.#failure);
  }

  fill(output: Http2Output): boolean {
    const item = this.#items[0];
    if (item === undefined) return false;
    const left = item.bytes.length - item.at;
    const room = Math.max(0, Math.min(this.#window, output.window, output.maxFrameBytes));
    const length = item.isHead ? left : Math.min(left, room);
    if (length === 0 && left > 0) return false;
    const isLast = item.isEnd || (length === left && this.#items[1]?.isEnd === true);
    if (item.isHead) this.#writeHead(output, { item, isLast });
    else this.#writeContent(output, { item, length, isLast });
    item.at += length;
    if (length === left) this.#done(output);
    if (isLast && !item.isEnd) this.#done(output);
    if (isLast) this.#onEnded();
    return true;
  }

  /** The first item has gone out. */
  #done(output: Http2Output): void {
    const { bytes, isHead, isEnd, sent } = this.#items.shift()!;
    if (sent === null && !isHead) this.#keptBytes -= bytes.length + KEPT_OVERHEAD_BYTES;
    if (isEnd) output.whenWritten(() => sent?.resolve());
    else sent?.resolve();
  }

  #writeHead(output: Http2Output, { item, isLast }: { item: Item; isLast: boolean }): void {
    const { into, at } = output.take(item.bytes.length);
    into.set(item.bytes, at);
    if (isLast) into[at + FLAGS_OFFSET]! |= HTTP2_FLAG.endStream;
  }

  #writeContent(
    output: Http2Output,
    { item, length, isLast }: { item: Item; length: number; isLast: boolean },
  ): void {
    const { into, at } = output.take(FRAME_HEAD_BYTES + length);
    const flags = isLast ? HTTP2_FLAG.endStream : 0;
    writeFrameHead(into, at, { type: HTTP2_FRAME.data, flags, streamId: this.#streamId, length });
    into.set(item.bytes.subarray(item.at, item.at + length), at + FRAME_HEAD_BYTES);
    this.#window -= length;
    output.window -= length;
  }

  #add({ bytes, isHead, isEnd = false, sent = null }: Pick<Item, "bytes" | "isHead"> & Partial<Item>): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isEnding) throw new CarrierError("carrier/closed", "Cannot write as the stream was ended");
    this.hasSent = true;
    this.#items.push({ bytes, isHead, isEnd, sent, at: 0 });
    if (this.isReady) this.#output.ready(this, { isUrgent: this.isUrgent });
  }
}
