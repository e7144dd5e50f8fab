import type { ServiceRequest } from "./service_request.ts";

/** Where the body of a request goes. */
export interface BodySink {
  /** Whether the service does not take any more. */
  readonly isClosed: boolean;
  /** Sends a piece, which may be used for something else when this resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Says how the message ends. */
  end(): Promise<void> | void;
  /** Breaks the message off. */
  abort(error: unknown): void;
}

/**
 * Sends the body of a request, as fast as the service takes it. What the caller breaks off is broken off for the service;
 * what the service does not take any more is read all the same, as a caller may not look at the answer before.
 *
 * @param options `go`: settles when the service wants the body
 */
export async function pumpBody(
  sink: BodySink,
  { request, go }: { request: ServiceRequest; go: Promise<void> | null },
): Promise<void> {
  const { body, onSent, onComplete } = request;
  try {
    if (go !== null) await go;
    for (let chunk = await body!.read(); chunk !== null; chunk = await body!.read()) {
      if (sink.isClosed) continue;
      await sink.write(chunk).catch(() => {});
      onSent(chunk.length);
    }
    if (!sink.isClosed) await sink.end();
  } catch (error) {
    sink.abort(error);
  }
  onComplete();
}
