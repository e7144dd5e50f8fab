import type { Http2Stream } from "./http2_stream.ts";

/** Streams that were given up here, whose frames may still be on their way. */
const MAX_IGNORED = 1000;

/** What a stream identifier stands for (RFC 9113 section 5.1). `ignored`: given up here, or never to be looked at. */
export type StreamState = "idle" | "open" | "closed" | "ignored";

/** The streams of one connection, all of which its client opens. */
export class Http2Streams {
  readonly #open = new Map<number, Http2Stream>();
  readonly #ignored = new Set<number>();
  #lastId = 0;
  #whenQuiet: (() => void)[] = [];

  /** The highest that was opened; 0 before the first. */
  get lastId(): number {
    return this.#lastId;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Those that are open. */
  all(): Http2Stream[] {
    return [...this.#open.values()];
  }

  /** One that is open. */
  get(id: number): Http2Stream | undefined {
    return this.#open.get(id);
  }

  /** What `id` stands for. */
  stateOf(id: number): StreamState {
    if (this.#open.has(id)) return "open";
    if (id % 2 === 0 || id > this.#lastId) return "idle";
    return this.#ignored.has(id) ? "ignored" : "closed";
  }

  /** `id` is used from now on, whatever comes of it. */
  begin(id: number): void {
    this.#lastId = id;
  }

  /** A stream is open. */
  add(stream: Http2Stream): void {
    this.#open.set(stream.id, stream);
  }

  /** What comes for `id` is of no interest any more. */
  ignore(id: number): void {
    this.#ignored.add(id);
    if (this.#ignored.size <= MAX_IGNORED) return;
    const [oldest] = this.#ignored;
    this.#ignored.delete(oldest!);
  }

  /** A stream is over. */
  remove(id: number): void {
    this.#open.delete(id);
    if (this.#open.size === 0) this.#whenQuiet.splice(0).forEach((resolve) => resolve());
  }

  /** Waits until none is open. */
  async quiet(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#whenQuiet.push(resolve));
  }
}
