import { SallyportError } from "../base/errors.ts";

/** How a command line can be wrong. */
export type UsageErrorCode =
  | "cli/unknown-command"
  | "cli/unknown-option"
  | "cli/missing-value"
  | "cli/unexpected-value"
  | "cli/invalid-value"
  | "cli/repeated-option"
  | "cli/conflicting-options"
  | "cli/missing-argument"
  | "cli/unexpected-argument"
  | "cli/unknown-shell"
  | "cli/unreadable-file"
  | "cli/not-permitted";

/** The command line cannot be understood; the program exits with 2. */
export class UsageError extends SallyportError {
  /** Says what is wrong. @param code which rule was broken; @param message what was found; @param hint what to write instead */
  constructor(readonly code: UsageErrorCode, message: string, hint?: string) {
    super(message, { hint });
  }
}
