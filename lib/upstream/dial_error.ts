import { SallyportError } from "../base/errors.ts";

/** Why a service could not be reached. */
export type DialErrorCode =
  | "dial/refused"
  | "dial/timeout"
  | "dial/name-not-found"
  | "dial/name-timeout"
  | "dial/unreachable"
  | "dial/unsupported-scheme"
  | "dial/tls-untrusted"
  | "dial/tls-refused"
  | "dial/tls-failed"
  | "dial/proxy-refused"
  | "dial/proxy-loop"
  | "dial/proxy-failed"
  | "dial/limit"
  | "dial/no-healthy-upstream"
  | "dial/no-publisher"
  | "dial/failed";

/** No connection to the service of a route could be made. */
export class DialError extends SallyportError {
  /**
   * The failure of one attempt.
   *
   * @param code what kind of failure; @param message which service, and what was found
   * @param options `address`: the IP address and port that was tried last, when a name was resolved
   */
  constructor(
    readonly code: DialErrorCode,
    message: string,
    options: { cause?: unknown; address?: string } = {},
  ) {
    super(message, options);
    this.address = options.address ?? null;
  }

  /** The IP address and port that was tried last, or `null` when there was none. */
  readonly address: string | null;
}
