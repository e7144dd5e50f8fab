import { SallyportError } from "../../base/errors.ts";

/** Why the server of an `ssh://` route, which was reached, cannot be used. */
export type SshRouteErrorCode =
  /** It proves itself with another key than it has to. */
  | "ssh/host-key-mismatch"
  /** It speaks no SSH, or none that can be agreed on. */
  | "ssh/handshake-failed"
  /** It does not take the certificate. */
  | "ssh/certificate-refused"
  /** It did not answer in time. */
  | "ssh/timeout"
  /** The sessions of the route have to be recorded, and nothing here records. */
  | "ssh/not-recorded";

/** The server of an `ssh://` route cannot be used. */
export class SshRouteError extends SallyportError {
  /** What kind of failure; @param message which server, and what was found */
  constructor(
    readonly code: SshRouteErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(message, options);
  }
}
