import { SallyportError } from "../../base/errors.ts";

/** Why a request on the control socket was refused. */
export type ControlErrorCode =
  | "control/bad-request"
  | "control/too-large"
  | "control/no-such-tunnel"
  | "control/no-such-session"
  | "control/no-such-route"
  | "control/no-such-user"
  | "control/stale-plan"
  | "control/no-worker";

/** A request on the control socket cannot be done; nothing was changed. */
export class ControlError extends SallyportError {
  /** An error with what kind of failure it is, what was asked, and what to do. */
  constructor(readonly code: ControlErrorCode, message: string, options?: { hint?: string }) {
    super(message, options);
  }
}
