import type { ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { bodyReader } from "../body_reader.ts";
import { fieldPairs, groupedFields } from "../raw_headers.ts";
import { pumpBody } from "./_body_pump.ts";
import type { StreamPlace } from "./http2_sessions.ts";
import { ServiceBroken, type ServiceRequest, type ServiceResponse } from "./service_request.ts";

const END_STREAM = 1;
/** The stream was not looked at (RFC 9113 section 8.7). */
const REFUSED_STREAM = 7;
const CANCEL = 8;

/**
 * Sends a request on an HTTP/2 connection.
 *
 * @param place given back when the stream is closed; @param options `scheme`: for `:scheme`
 * @throws {ServiceBroken} when there is no answer
 */
export function requestHttp2(
  place: StreamPlace,
  request: ServiceRequest,
  { scheme }: { scheme: "http" | "https" },
): Promise<ServiceResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<ServiceResponse>();
  const { body, signal } = request;
  let stream: ClientHttp2Stream;
  try {
    const headers = headersOf(request, scheme);
    stream = place.session.request(headers, { endStream: body === null, waitForTrailers: body !== null });
  } catch (error) {
    place[Symbol.dispose]();
    return Promise.reject(new ServiceBroken(error, true));
  }
  const abort = () => stream.close(CANCEL);
  signal.addEventListener("abort", abort, { once: true });
  stream.on("error", () => {});
  stream.once("close", () => {
    signal.removeEventListener("abort", abort);
    place[Symbol.dispose]();
    const wasSeen = stream.rstCode !== REFUSED_STREAM && !place.isIgnored(stream.id ?? 0);
    const isSafe = !wasSeen && body === null;
    reject(new ServiceBroken(new Error(`The stream was closed with ${stream.rstCode}`), isSafe));
  });
  stream.on("headers", (_headers: unknown, _flags: number, raw: string[]) => {
    const status = Number(fieldPairs(raw)[0]?.[1]);
    if (status > 101) request.onInform(status, fieldPairs(raw).slice(1).flat());
  });
  stream.once("response", (_headers: unknown, flags: number, raw: string[]) => {
    resolve(responseOf(stream, { raw, isLast: (flags & END_STREAM) !== 0 }));
  });
  if (signal.aborted) abort();
  place.onFarewell(() => place.isIgnored(stream.id ?? 0) && abort());
  if (body === null) request.onComplete();
  else {
    stream.once("wantTrailers", () => stream.sendTrailers(groupedFields(body.trailers)));
    void pumpBody(stream, { request, go: Promise.resolve(), end: () => stream.end() });
  }
  return promise;
}

function headersOf({ method, path, host, headers }: ServiceRequest, scheme: string): OutgoingHttpHeaders {
  const pseudo = { ":method": method, ":scheme": scheme, ":authority": host, ":path": path };
  return { ...pseudo, ...groupedFields(headers) };
}

function responseOf(
  stream: ClientHttp2Stream,
  { raw, isLast }: { raw: string[]; isLast: boolean },
): ServiceResponse {
  const fields = fieldPairs(raw);
  let trailers: string[] = [];
  stream.on("trailers", (_headers: unknown, _flags: number, raw: string[]) => (trailers = raw));
  return {
    status: Number(fields.find(([name]) => name === ":status")?.[1]),
    headers: fields.filter(([name]) => !name.startsWith(":")).flat(),
    isLast,
    read: bodyReader(stream, () => (stream.rstCode ?? 0) !== 0),
    get trailers() {
      return trailers;
    },
  };
}
