import type { Exchange } from "../exchange.ts";

/** Who does not take an answer of ours in this time does not want it. */
const SEND_MS = 30_000;

/** Sends a whole `Response` of ours as the answer of an exchange. Does not reject. */
export async function writeResponse(exchange: Exchange, response: Response): Promise<void> {
  const timer = setTimeout(() => exchange.abort(), SEND_MS);
  try {
    const isHead = exchange.method === "HEAD";
    const body = new Uint8Array(isHead ? [] : await response.arrayBuffer());
    const fields = [...response.headers].filter(([name]) => isHead || name !== "content-length");
    const trailers = fields.filter(([name]) => name.startsWith("grpc-")).flat();
    const headers = fields.filter(([name]) => !name.startsWith("grpc-")).flat();
    const length = trailers.length > 0 || isHead ? [] : ["content-length", String(body.length)];
    const { status } = response;
    exchange.respond({ status, headers: [...headers, ...length], isLast: false, more: true });
    // A client that is still sending may not look at the answer before it has sent everything.
    void discardBody(exchange);
    if (body.length > 0) await exchange.write(body, { more: true });
    await exchange.end(trailers);
  } catch {
    // The client has gone.
    exchange.abort();
  } finally {
    clearTimeout(timer);
  }
}

async function discardBody(exchange: Exchange): Promise<void> {
  try {
    while (exchange.hasBody && await exchange.read() !== null);
  } catch {
    // It was broken off.
  }
}
