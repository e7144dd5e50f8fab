/**
 * The root of every error that is caused from outside: a peer, a file, a user. Misuse by our own code is a
 * `TypeError` or `RangeError` instead. Each room has its own subclass with a closed union of codes.
 *
 * A message never holds a token, cookie, key, password or payload.
 */
export abstract class SallyportError extends Error {
  /** `room/what-happened`. Codes are API: they never change, and tests assert them. */
  abstract readonly code: string;
  /** What the person who reads this should do next, if there is something. */
  readonly hint: string | undefined;

  /**
   * An error named after its class.
   *
   * @param message what was being done, then what was found
   * @param options `cause` for the log, `hint` for the person
   */
  constructor(message: string, options: { cause?: unknown; hint?: string | undefined } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
  }
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Where anything that was thrown comes from, at most 4,096 characters: the message alone could come from anywhere. */
export function errorTrace(error: unknown): string {
  return (error instanceof Error ? error.stack ?? error.message : String(error)).slice(0, 4096);
}
