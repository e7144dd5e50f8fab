import { SallyportError } from "../errors.ts";

/** Why a regular expression cannot be used. */
export type RegexErrorCode = "regex/unsupported" | "regex/too-large";

/** A regular expression has what this engine does not have, or is too complex. */
export class RegexError extends SallyportError {
  /** A fault of the rule `code`. */
  constructor(
    /** Which rule was broken. */
    readonly code: RegexErrorCode,
    message: string,
    options: { hint?: string } = {},
  ) {
    super(message, options);
  }
}
