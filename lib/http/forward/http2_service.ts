import { CarrierError } from "../../carrier/carrier_error.ts";
import type { Http2Stream } from "../../carrier/http2_stream.ts";
import type { Field } from "../../codec/qpack.ts";
import { fieldPairs } from "../raw_headers.ts";
import { type BodySink, pumpBody } from "./_body_pump.ts";
import type { StreamPlace } from "./http2_sessions.ts";
import { ServiceBroken, type ServiceRequest, type ServiceResponse } from "./service_request.ts";

const READ_BYTES = 16 * 1024;

/**
 * Sends a request on an HTTP/2 connection.
 *
 * @param place given back when the stream is over; @param options `scheme`: for `:scheme`
 * @throws {ServiceBroken} when there is no answer
 */
export async function requestHttp2(
  place: StreamPlace,
  request: ServiceRequest,
  { scheme }: { scheme: "http" | "https" },
): Promise<ServiceResponse> {
  const { body, signal } = request;
  let stream: Http2Stream;
  try {
    stream = await place.connection.request(fieldsOf(request, scheme));
  } catch (error) {
    place[Symbol.dispose]();
    throw new ServiceBroken(error, true);
  }
  const abort = () => stream.close();
  signal.addEventListener("abort", abort, { once: true });
  void stream.gone.then(() => {
    signal.removeEventListener("abort", abort);
    place[Symbol.dispose]();
  });
  if (signal.aborted) abort();
  stream.onInterim = ({ status, headers }) => request.onInform(status, headers.flat());
  if (body === null) {
    stream.closeWrite().catch(() => {});
    request.onComplete();
  } else void pumpBody(sinkOf(stream, body), { request, go: null });
  try {
    const { status, headers } = await stream.readAnswer();
    return responseOf(stream, { status, headers: headers.flat() });
  } catch (error) {
    throw new ServiceBroken(error, isUnseen(error) && body === null);
  }
}

/** The service has said that it did not look at the request (RFC 9113 sections 6.8 and 8.7). */
function isUnseen(error: unknown): boolean {
  return error instanceof CarrierError &&
    (error.code === "carrier/refused" || error.code === "carrier/going-away");
}

function sinkOf(stream: Http2Stream, body: NonNullable<ServiceRequest["body"]>): BodySink {
  return {
    get isClosed() {
      return stream.isWriteOver;
    },
    write: (bytes) => stream.write(bytes),
    async end() {
      if (body.trailers.length > 0) await stream.sendFields(namesInLowerCase(body.trailers));
      await stream.closeWrite();
    },
    abort: () => stream.abort(),
  };
}

function fieldsOf({ method, path, host, headers }: ServiceRequest, scheme: string): Field[] {
  const pseudo: Field[] = [[":method", method], [":scheme", scheme], [":authority", host], [":path", path]];
  return [...pseudo, ...namesInLowerCase(headers)];
}

function namesInLowerCase(headers: readonly string[]): Field[] {
  return fieldPairs(headers).map(([name, value]) => [name.toLowerCase(), value]);
}

function responseOf(
  stream: Http2Stream,
  { status, headers }: { status: number; headers: readonly string[] },
): ServiceResponse {
  const buffer = new Uint8Array(READ_BYTES);
  return {
    status,
    headers,
    isLast: !stream.hasContent,
    isReady: false,
    async read() {
      const count = await stream.read(buffer);
      return count === null ? null : buffer.subarray(0, count);
    },
    get trailers() {
      return stream.trailers.flat();
    },
  };
}
