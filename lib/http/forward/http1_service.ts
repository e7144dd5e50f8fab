import http, { type ClientRequest, type IncomingMessage } from "node:http";
import { DialError } from "../../upstream/dial_error.ts";
import { bodyReader } from "../body_reader.ts";
import { fieldPairs } from "../raw_headers.ts";
import { MAX_ANSWER_HEAD_BYTES } from "./http1_agent.ts";
import { pumpBody } from "./_body_pump.ts";
import { ServiceBroken, type ServiceRequest, type ServiceResponse } from "./service_request.ts";

/** So long a service may let us wait before it gets a body that it did not ask for (RFC 9110 section 10.1.1). */
const CONTINUE_MS = 1000;
/** They may be sent again when nobody knows whether they arrived (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * Sends a request by HTTP/1.1.
 *
 * @param options of `http.request`: where its connection comes from
 * @throws {ServiceBroken} when there is no answer
 */
export function requestHttp1(
  request: ServiceRequest,
  options: http.RequestOptions & Readonly<Record<string, unknown>>,
): Promise<ServiceResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<ServiceResponse>();
  const outgoing = http.request({
    ...options,
    method: request.method,
    path: request.path,
    setHost: false,
    maxHeaderSize: MAX_ANSWER_HEAD_BYTES,
    headers: fieldsOf(request),
  });
  const abort = () => outgoing.destroy(new Error("The request was given up"));
  request.signal.addEventListener("abort", abort, { once: true });
  outgoing.once("close", () => request.signal.removeEventListener("abort", abort));
  outgoing.on("error", (error) => reject(brokenBy(error, { outgoing, request })));
  outgoing.on("information", ({ statusCode, rawHeaders }) => {
    if (statusCode !== 100) request.onInform(statusCode, rawHeaders);
  });
  // An error that comes after the head of an answer would not be heard of.
  const refuse = (what: string) => {
    reject(new ServiceBroken(what, false));
    outgoing.destroy();
  };
  outgoing.on("response", (incoming) => {
    const { statusCode = 0 } = incoming;
    if (statusCode < 200 || statusCode > 599) return refuse(`The status ${statusCode} is none of an answer`);
    resolve(responseOf(incoming, request.method));
  });
  outgoing.on("upgrade", (_incoming, socket) => {
    socket.destroy();
    refuse("Nobody asked for another protocol");
  });
  if (request.signal.aborted) abort();
  send(outgoing, request);
  return promise;
}

function send(outgoing: ClientRequest, request: ServiceRequest): void {
  const { body } = request;
  if (body === null) {
    outgoing.end();
    request.onComplete();
    return;
  }
  const { promise: go, resolve } = Promise.withResolvers<void>();
  // Nothing is taken from the body before there is a connection: another service may be asked instead.
  outgoing.flushHeaders();
  outgoing.once("socket", () => {
    if (!body.waits) return resolve();
    const timer = setTimeout(resolve, CONTINUE_MS);
    outgoing.once("continue", resolve);
    outgoing.once("response", resolve);
    outgoing.once("close", () => clearTimeout(timer));
  });
  void pumpBody(outgoing, {
    request,
    go,
    end: () => {
      if (body.trailers.length > 0) outgoing.addTrailers(fieldPairs(body.trailers));
      outgoing.end();
    },
  });
}

function fieldsOf({ method, host, headers, body }: ServiceRequest): string[] {
  const fields = ["Host", host, ...headers];
  const hasLength = fieldPairs(headers).some(([name]) => name.toLowerCase() === "content-length");
  if (body === null) {
    return hasLength || !/^(?:POST|PUT|PATCH)$/.test(method) ? fields : [...fields, "Content-Length", "0"];
  }
  if (!hasLength) fields.push("Transfer-Encoding", "chunked");
  if (body.waits) fields.push("Expect", "100-continue");
  return fields;
}

function responseOf(incoming: IncomingMessage, method: string): ServiceResponse {
  const { statusCode: status = 0, rawHeaders: headers } = incoming;
  const isLast = method === "HEAD" || status === 204 || status === 304;
  // What has no body has to be read all the same, for its connection to be used again.
  if (isLast) incoming.resume();
  return {
    status,
    headers,
    isLast,
    read: bodyReader(incoming, () => !incoming.complete),
    get trailers() {
      return incoming.rawTrailers;
    },
  };
}

/** A connection that was kept may have been closed by the service at the moment at which it was used. */
function brokenBy(
  error: Error,
  { outgoing, request }: { outgoing: ClientRequest; request: ServiceRequest },
): Error {
  if (error instanceof DialError) return error;
  const isSafe = outgoing.reusedSocket && request.body === null && IDEMPOTENT.has(request.method);
  return new ServiceBroken(error, isSafe);
}
