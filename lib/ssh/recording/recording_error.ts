import { SallyportError } from "../../base/errors.ts";

/** What can be wrong with recordings. */
export type RecordingErrorCode =
  /** The directory, or a file in it, cannot be written. */
  | "recording/unwritable"
  /** A file cannot be read. */
  | "recording/unreadable"
  /** A file is not a recording of this program. */
  | "recording/malformed";

/** A session cannot be recorded, or a recording not be read. */
export class RecordingError extends SallyportError {
  /** Says which file. @param code what is wrong; @param message what was found; @param options `cause`, `hint` */
  constructor(
    readonly code: RecordingErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string | undefined } = {},
  ) {
    super(message, options);
  }
}
