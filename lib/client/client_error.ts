import { SallyportError } from "../base/errors.ts";

/** What can go wrong between this machine and a gateway. */
export type ClientErrorCode =
  | "client/invalid-destination"
  | "client/invalid-gateway-url"
  | "client/invalid-listen-address"
  | "client/invalid-certificate"
  | "client/invalid-token"
  | "client/cannot-listen"
  | "client/unreachable"
  | "client/tls-untrusted"
  | "client/certificate-refused"
  | "client/no-client-certificate"
  | "client/timeout"
  | "client/bad-response"
  | "client/login-required"
  | "client/denied"
  | "client/no-such-route"
  | "client/unavailable"
  | "client/unexpected-status"
  | "client/tunnel-reset"
  | "client/no-carrier"
  | "client/carrier-full"
  | "client/sign-in-failed"
  | "client/sign-in-timeout"
  | "client/cancelled";

/** A tunnel could not be opened, or a gateway could not be asked. */
export class ClientError extends SallyportError {
  /** The HTTP status the gateway answered with, or `null` when there was none. */
  readonly status: number | null;

  /**
   * Says what went wrong.
   *
   * @param code what kind of failure; @param message what was being done and what was found
   * @param options `status`: the HTTP status the gateway answered with
   */
  constructor(
    readonly code: ClientErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string | undefined; status?: number } = {},
  ) {
    super(message, options);
    this.status = options.status ?? null;
  }
}
