import { SallyportError } from "../base/errors.ts";

/** Why something on an HTTP/3 connection failed. */
export type CarrierErrorCode =
  | "carrier/closed"
  | "carrier/reset"
  | "carrier/going-away"
  | "carrier/refused"
  | "carrier/too-many-streams"
  | "carrier/unsupported";

/** An HTTP/3 connection or one of its streams is not there any more, or cannot do what is asked of it. */
export class CarrierError extends SallyportError {
  /**
   * An error for one connection or stream.
   *
   * @param code `carrier/closed`: the stream or its connection was closed; `carrier/reset`: the peer gave up the stream;
   * `carrier/going-away`: the peer takes no more requests, this one was not acted upon; `carrier/refused`: nor
   * was this one, which may be repeated; `carrier/too-many-streams`: the peer takes no more at once; `carrier/unsupported`: the peer does not offer it
   * @param message what was being done, then what was found
   */
  constructor(readonly code: CarrierErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
  }
}
