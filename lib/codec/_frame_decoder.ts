import { Assembly } from "./_assembly.ts";
import { TypeLengthDecoder } from "./_type_length.ts";
import { Http3Error } from "./http3_error.ts";

/** What becomes of the payload of a frame: kept up to a bound, handed on as it comes, or skipped. */
export type FrameTreatment = { readonly keepBytes: number } | "pass-on" | "skip";

/** What a stream makes of its frames. */
export interface FrameRules {
  /** Called when the head of a frame has come. @throws {Http3Error} when it is not allowed here */
  begin(type: number): FrameTreatment;
  /** Part of the payload of a frame that is passed on; lent until it returns. */
  part(bytes: Uint8Array): void;
  /** The whole payload of a frame that is kept; lent until it returns. @throws {Http3Error} when it is wrong */
  whole(type: number, payload: Uint8Array): void;
}

/** Types of frames (RFC 9114 section 11.2.1). */
export const FRAME = {
  data: 0x00,
  headers: 0x01,
  cancelPush: 0x03,
  settings: 0x04,
  pushPromise: 0x05,
  goaway: 0x07,
  maxPushId: 0x0d,
} as const;

/** Frames that only HTTP/2 has (RFC 9114 section 7.2.8). */
const HTTP2_ONLY: ReadonlySet<number> = new Set([0x02, 0x06, 0x08, 0x09]);
const KNOWN: ReadonlySet<number> = new Set(Object.values(FRAME));

/** How a frame is treated that has no place of its own on the stream. @throws {Http3Error} `H3_FRAME_UNEXPECTED` */
export function treatOther(type: number): "skip" {
  if (KNOWN.has(type) || HTTP2_ONLY.has(type)) {
    throw new Http3Error("H3_FRAME_UNEXPECTED", `Cannot take a frame of type ${type} here`);
  }
  return "skip";
}

/** Divides a stream into frames (RFC 9114 section 7.1), however it is divided over chunks. */
export class FrameDecoder {
  readonly #rules: FrameRules;
  readonly #head = new TypeLengthDecoder();
  readonly #assembly = new Assembly();
  #treatment: FrameTreatment = "skip";
  /** Bytes of the payload that have not come. */
  #left = 0;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  /** Takes the next bytes; keeps no reference to `chunk`. @throws {Http3Error} `H3_EXCESSIVE_LOAD`, and what the rules throw */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        at = this.#takePayload(chunk, at);
        continue;
      }
      at = this.#head.take(chunk, at);
      if (this.#head.complete) this.#begin();
    }
  }

  /** Says that the stream has ended. @throws {Http3Error} `H3_FRAME_ERROR`: within a frame */
  end(): void {
    if (this.#left === 0 && !this.#head.begun) return;
    throw new Http3Error("H3_FRAME_ERROR", "Cannot read a frame: the stream ended within it");
  }

  #begin(): void {
    const { type, length } = this.#head;
    this.#treatment = this.#rules.begin(type);
    this.#left = length;
    if (typeof this.#treatment === "string") return;
    if (length > this.#treatment.keepBytes) {
      throw new Http3Error(
        "H3_EXCESSIVE_LOAD",
        `Cannot take a frame of type ${type}: it has ${length} bytes`,
      );
    }
    this.#assembly.begin(length);
    if (length === 0) this.#rules.whole(type, this.#assembly.bytes);
  }

  #takePayload(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    if (this.#treatment === "pass-on") this.#rules.part(chunk.subarray(at, end));
    else if (this.#treatment !== "skip") {
      this.#assembly.take(chunk, at);
      if (this.#left === 0) this.#rules.whole(this.#head.type, this.#assembly.bytes);
    }
    return end;
  }
}
