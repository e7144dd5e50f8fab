import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/**
 * Tells a client that waits for it (RFC 9110 section 10.1.1) to send the body of its request when somebody begins to
 * read that, unless the answer is under way already.
 */
export function continueOnRead(
  incoming: IncomingMessage | Http2ServerRequest,
  outgoing: ServerResponse | Http2ServerResponse,
): void {
  const read = incoming._read;
  incoming._read = (size) => {
    incoming._read = read;
    if (!outgoing.headersSent) outgoing.writeContinue();
    read.call(incoming, size);
  };
}
