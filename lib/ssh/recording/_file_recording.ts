import { errorMessage } from "../../base/errors.ts";
import type { PtyRequest, Recording } from "../handlers.ts";
import type { SealedFile } from "./sealed_file.ts";
import type { SessionEvents } from "./_session_events.ts";

/** What the person is told; the log has the details. */
const CANNOT = "its recording cannot be written any more";

/** What a {@link FileRecording} works with. */
export interface FileRecordingOptions {
  /** Where lines go; ended by the {@link FileRecording}. */
  readonly sealed: SealedFile;
  /** Makes the lines. */
  readonly events: SessionEvents;
  /** Since the begin. */
  readonly timeMs: () => number;
  /** Whether the session must not go on without its recording. */
  readonly endsSession: boolean;
}

/** A recording in a file. */
export class FileRecording implements Recording {
  readonly #options: FileRecordingOptions;
  readonly #failed = new AbortController();
  #failure: string | null = null;
  #ending: Promise<void> | null = null;
  /** Hears once that it is over, and why if it was not meant to be; may be set until then. */
  onEnd: (why: string | null) => void = () => {};

  /** A recording of a session that begins now. */
  constructor(options: FileRecordingOptions) {
    this.#options = options;
  }

  /** See {@link Recording.failed}. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Why it can no longer be written; `null`: it can. */
  get failure(): string | null {
    return this.#failure;
  }

  /** See {@link Recording.input}. */
  input(bytes: Uint8Array): void {
    this.#add((events, timeMs) => events.input(timeMs, bytes));
  }

  /** See {@link Recording.output}. */
  output(bytes: Uint8Array, stream: 1 | 2 = 1): void {
    this.#add((events, timeMs) => events.output(timeMs, { bytes, stream }));
  }

  /** See {@link Recording.resize}. */
  resize(size: Pick<PtyRequest, "columns" | "rows">): void {
    this.#add((events, timeMs) => events.resize(timeMs, size));
  }

  /** See {@link Recording.end}. */
  end(exit: Parameters<Recording["end"]>[0]): Promise<void> {
    return this.#ending ??= this.#end((events, timeMs) => events.ended(timeMs, exit));
  }

  /** Ends it as one that cannot be written any more, and the session if that must not go on. */
  fail(why: string): void {
    if (this.#failure !== null) return;
    this.#failure = why;
    this.#ending ??= this.#end((events, timeMs) => events.stopped(timeMs, why));
    if (this.#options.endsSession) this.#failed.abort(CANNOT);
  }

  #add(make: (events: SessionEvents, timeMs: number) => string[]): void {
    if (this.#ending !== null) return;
    const { sealed, events, timeMs } = this.#options;
    try {
      for (const line of make(events, timeMs())) sealed.add(line);
    } catch (error) {
      this.fail(errorMessage(error));
    }
  }

  async #end(make: (events: SessionEvents, timeMs: number) => string[]): Promise<void> {
    const { sealed, events, timeMs } = this.#options;
    await sealed.end(make(events, timeMs()));
    this.onEnd(this.#failure);
  }
}
