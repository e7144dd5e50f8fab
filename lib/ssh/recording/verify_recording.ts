import { fromUtf8 } from "../../base/bytes.ts";
import { sealOfLine } from "./line_format.ts";
import { MAX_LINE_BYTES, readLines, type RecordedLine } from "./read_recording.ts";
import { readHeader } from "./recording_header.ts";
import { LineChain, openSeal, type SealedLines, sealKeyId } from "./seal.ts";

/** What came of verifying a recording. */
export interface Verification {
  /**
   * `intact`: sealed to its end; `unfinished`: as far as it goes, but it has no end (the session goes on, the gateway was
   * killed, or the rest was taken away); `broken`: changed; `other-key`: sealed with a key that is not at hand.
   */
  readonly state: "intact" | "unfinished" | "broken" | "other-key";
  /** Lines of the file, up to the one that settled it. */
  readonly lines: number;
  /** The lines up to this one are as they were written. */
  readonly verifiedLines: number;
  /** The first line that is not; `null` when none is known. */
  readonly brokenLine: number | null;
  /** Why, for a person; `null` for `intact`. */
  readonly reason: string | null;
}

/** Verifies a recording, line by line. @param path of the file @param key that seals @throws {RecordingError} `recording/unreadable` */
export async function verifyRecording(path: string, key: CryptoKey): Promise<Verification> {
  const verifier = new Verifier(key);
  for await (const line of readLines(path)) {
    const verdict = await verifier.push(line);
    if (verdict !== null) return verdict;
  }
  return verifier.finish();
}

class Verifier {
  readonly #key: CryptoKey;
  readonly #chain = new LineChain();
  /** Of the lines since the last seal. */
  #marks: string[] = [];
  #verifiedLines = 0;
  #isAtEnd = false;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** @returns a verdict when nothing more needs to be read */
  async push(line: RecordedLine): Promise<Verification | null> {
    if (this.#isAtEnd) return this.#broken(line.number, "something comes after the end");
    if (line.bytes.length > MAX_LINE_BYTES) {
      return this.#broken(line.number, "it is longer than any that is written");
    }
    if (line.isWhole && line.value === undefined) return this.#broken(line.number, "it is no JSON");
    if (line.number === 1) {
      const header = line.isWhole ? readHeader(line.value) : null;
      if (header === null) return this.#broken(1, "it is not the header of a recording");
      if (header.seal_key !== await sealKeyId(this.#key)) {
        const reason = `it is sealed with the key ${header.seal_key}, which is not the one at hand`;
        return this.#verdict("other-key", { brokenLine: null, reason });
      }
    }
    const text = line.isWhole ? sealOfLine(line.value) : null;
    const { value: chain } = this.#chain;
    if (text === null) {
      this.#marks.push(this.#chain.add(line.bytes));
      return null;
    }
    const verdict = this.#checkSeal(await openSeal(text, { key: this.#key, line: fromUtf8(line.bytes) }), {
      chain,
      number: line.number,
    });
    this.#chain.add(line.bytes);
    this.#verifiedLines = line.number;
    return verdict;
  }

  finish(): Verification {
    if (this.#isAtEnd) return this.#verdict("intact", { brokenLine: null, reason: null });
    const count = this.#chain.length - this.#verifiedLines;
    const rest = count === 0
      ? ""
      : `; nothing is known of the last ${count === 1 ? "line" : `${count} lines`}`;
    return this.#verdict("unfinished", { brokenLine: null, reason: `it has no end${rest}` });
  }

  #checkSeal(
    seal: (SealedLines & { isGenuine: boolean }) | null,
    { chain, number }: { chain: string; number: number },
  ): Verification | null {
    if (seal === null || !seal.isGenuine) return this.#broken(number, "it is not a seal of this gateway");
    const first = this.#verifiedLines + 1;
    const changed = this.#marks.findIndex((mark, index) => mark !== seal.marks[index]);
    if (changed >= 0) {
      return this.#broken(first + changed, "it is not as it was written, or not where it was");
    }
    if (seal.chain !== chain) return this.#broken(number, "lines are missing before it");
    this.#marks = [];
    this.#isAtEnd = seal.isLast;
    return null;
  }

  #broken(line: number, reason: string): Verification {
    return this.#verdict("broken", { brokenLine: line, reason });
  }

  #verdict(state: Verification["state"], rest: Pick<Verification, "brokenLine" | "reason">): Verification {
    return { state, lines: this.#chain.length, verifiedLines: this.#verifiedLines, ...rest };
  }
}
