import type { Writable } from "node:stream";
import { drained } from "../settled.ts";
import type { ServiceRequest } from "./service_request.ts";

/**
 * Sends the body of a request, as fast as the service takes it. What the caller breaks off is broken off for the service;
 * what the service does not take any more is read all the same, as a caller may not look at the answer before.
 *
 * @param options `go`: settles when the service wants the body; `end`: says how the message ends
 */
export async function pumpBody(
  to: Writable,
  { request, go, end }: { request: ServiceRequest; go: Promise<void>; end: () => void },
): Promise<void> {
  const { body, onSent, onComplete } = request;
  try {
    await go;
    for (let chunk = await body!.read(); chunk !== null; chunk = await body!.read()) {
      if (to.destroyed) continue;
      const hasRoom = to.write(chunk);
      onSent(chunk.length);
      if (!hasRoom) await drained(to).catch(() => {});
    }
    if (!to.destroyed) end();
  } catch (error) {
    to.destroy(error instanceof Error ? error : new Error(String(error)));
  }
  onComplete();
}
