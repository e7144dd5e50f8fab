import { SallyportError } from "../base/errors.ts";

/** Why bytes are not what they should be. */
export type CodecErrorCode = "codec/unexpected" | "codec/malformed" | "codec/too-large" | "codec/truncated";

/** Bytes from outside cannot be decoded. */
export class CodecError extends SallyportError {
  /**
   * An error for one input.
   *
   * @param code `codec/unexpected`: another protocol or message; `codec/malformed`: the right one, against its rules;
   * `codec/too-large`: beyond the bound; `codec/truncated`: the input ended in the midst of it
   * @param message what was being read, and what was found
   */
  constructor(readonly code: CodecErrorCode, message: string) {
    super(message);
  }
}
