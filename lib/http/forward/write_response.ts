import type { Exchange } from "../exchange.ts";

/** Sends a whole `Response` of ours as the answer of an exchange. Does not reject. */
export async function writeResponse(exchange: Exchange, response: Response): Promise<void> {
  try {
    const body = exchange.method === "HEAD" ? new Uint8Array() : new Uint8Array(await response.arrayBuffer());
    const fields = [...response.headers].filter(([name]) => name !== "content-length");
    const trailers = fields.filter(([name]) => name.startsWith("grpc-")).flat();
    const headers = fields.filter(([name]) => !name.startsWith("grpc-")).flat();
    const length = trailers.length > 0 ? [] : ["content-length", String(body.length)];
    exchange.respond({ status: response.status, headers: [...headers, ...length], isLast: false });
    // A client that is still sending may not look at the answer before it has sent everything.
    void discardBody(exchange);
    if (body.length > 0) await exchange.write(body);
    await exchange.end(trailers);
  } catch {
    // The client has gone.
    exchange.abort();
  }
}

async function discardBody(exchange: Exchange): Promise<void> {
  try {
    while (exchange.hasBody && await exchange.read() !== null);
  } catch {
    // It was broken off.
  }
}
