import { concatBytes, utf8 } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { errorMessage } from "../../base/errors.ts";
import { LineChain, signedSeal } from "./seal.ts";

/** Bounds of a file that is being written. */
export const WRITE_LIMITS = {
  /** What was recorded is in the file after so long, with a seal. */
  flushMs: 1000,
  /** With so much to write it is not waited for. */
  flushBytes: 256 * 1024,
  /** What waits for a disk that does not take it. */
  queueBytes: 16 * 1024 * 1024,
  /** Lines under one seal. */
  linesOfSeal: 1024,
  /** How long the end waits for a disk that does not answer. */
  endMs: 10_000,
} as const;

/** Where bytes go: what is needed of an open file. */
export type RecordingFile = Pick<Deno.FsFile, "write" | "syncData" | "close">;

/** What a {@link SealedFile} works with. */
export interface SealedFileOptions {
  /** Open, and empty; closed by the {@link SealedFile}. */
  readonly file: RecordingFile;
  /** HMAC-SHA-256. */
  readonly key: CryptoKey;
  /** What may be in the file, seals not counted. */
  readonly maxBytes: number;
  /** A seal as a line of the file. */
  readonly sealLine: (text: string) => string;
  /** Hears once why nothing more can be written. */
  readonly onFailure: (why: string) => void;
  /** For the time between two writes. */
  readonly clock: Clock;
}

/** A file to which lines are added, with seals among them. Adding does not wait; what waits to be written is bounded. */
export class SealedFile {
  readonly #options: SealedFileOptions;
  readonly #chain = new LineChain();
  #pending: Uint8Array<ArrayBuffer>[] = [];
  #pendingBytes = 0;
  #addedBytes = 0;
  #timer: Disposable | null = null;
  #work: Promise<void> | null = null;
  #ending: Promise<void> | null = null;
  #hasFailed = false;
  /** Whether a write has failed, after which nothing can be said of where the file ends. */
  #isUnwritable = false;

  /** An empty file. */
  constructor(options: SealedFileOptions) {
    this.#options = options;
  }

  /** Lines that were written, and the hash over them. */
  get seal(): { readonly lines: number; readonly chain: string } {
    return { lines: this.#chain.length, chain: this.#chain.value };
  }

  /** Adds a line, without its line end. @returns false when it cannot be added any more */
  add(line: string): boolean {
    if (this.#hasFailed || this.#ending !== null) return false;
    const bytes = utf8(`${line}\n`);
    if (this.#addedBytes + bytes.length > this.#options.maxBytes) {
      this.#fail("it has reached max_bytes");
      return false;
    }
    if (this.#pendingBytes + bytes.length > WRITE_LIMITS.queueBytes) {
      this.#fail("the disk is too slow for it");
      return false;
    }
    this.#addedBytes += bytes.length;
    this.#pendingBytes += bytes.length;
    this.#pending.push(bytes);
    if (this.#pendingBytes >= WRITE_LIMITS.flushBytes) void this.flush();
    else this.#timer ??= this.#options.clock.timer(WRITE_LIMITS.flushMs, () => void this.flush());
    return true;
  }

  /** Writes and seals what was added. Never rejects. */
  async flush(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    do await (this.#work ??= this.#writeAll()); while (this.#pending.length > 0);
  }

  /**
   * Writes the rest, some last lines for which there is always room, and the last seal; then closes the file. Never
   * rejects; what is said at a second call counts no more.
   */
  end(lastLines: readonly string[]): Promise<void> {
    return this.#ending ??= this.#endInTime(lastLines);
  }

  async #endInTime(lastLines: readonly string[]): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _timer = this.#options.clock.timer(WRITE_LIMITS.endMs, () => {
      this.#fail("the disk does not answer");
      resolve();
    });
    await Promise.race([this.#end(lastLines), late]);
  }

  async #end(lastLines: readonly string[]): Promise<void> {
    await this.flush();
    await this.#attempt(async () => {
      if (this.#isUnwritable) return;
      await this.#write(lastLines.map((line) => utf8(`${line}\n`)), true);
      await this.#options.file.syncData();
    });
    this.#options.file.close();
  }

  async #writeAll(): Promise<void> {
    await this.#attempt(async () => {
      while (this.#pending.length > 0 && !this.#isUnwritable) {
        const lines = this.#pending.splice(0, WRITE_LIMITS.linesOfSeal);
        await this.#write(lines, false);
        this.#pendingBytes -= lines.reduce((sum, { length }) => sum + length, 0);
      }
    });
    this.#work = null;
  }

  /** In one piece, so that a crash leaves no more than a part of a line behind. */
  async #write(lines: readonly Uint8Array<ArrayBuffer>[], isLast: boolean): Promise<void> {
    const { file, key, sealLine } = this.#options;
    const marks = lines.map((line) => this.#chain.add(line));
    const seal = { isLast, chain: this.#chain.value, marks };
    const line = utf8(await signedSeal(seal, { key, render: (text) => `${sealLine(text)}\n` }));
    this.#chain.add(line);
    const bytes = concatBytes([...lines, line]);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  }

  async #attempt(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#isUnwritable = true;
      this.#pending = [];
      this.#fail(errorMessage(error));
    }
  }

  #fail(why: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.onFailure(why);
  }
}
