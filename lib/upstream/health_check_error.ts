import { SallyportError } from "../base/errors.ts";

/** What is wrong with the answer to a health check. */
export type HealthCheckErrorCode = "health-check/status" | "health-check/answer" | "health-check/not-serving";

/** A service answered a health check, but not as it should. */
export class HealthCheckError extends SallyportError {
  /** An error with what kind of failure it is, and what was found. */
  constructor(readonly code: HealthCheckErrorCode, message: string) {
    super(message);
  }
}
