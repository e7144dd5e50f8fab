import { SallyportError } from "../base/errors.ts";

/** Why the gateway does not start. */
export type GatewayErrorCode =
  | "gateway/state-unwritable"
  | "gateway/state-unreadable"
  | "gateway/key-exposed"
  | "gateway/state-in-use"
  | "gateway/store-not-shared"
  | "gateway/worker-failed";

/** The gateway cannot start; nothing of it is left running. */
export class GatewayError extends SallyportError {
  /** An error with what kind of failure it is, where, and what to do. */
  constructor(
    readonly code: GatewayErrorCode,
    message: string,
    options?: { cause?: unknown; hint?: string },
  ) {
    super(message, options);
  }
}
