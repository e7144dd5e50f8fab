import { abortable } from "../../base/abortable.ts";
import { http1Head, http1RequestLine } from "../../codec/http1_encode.ts";
import { Http1Body } from "../../codec/http1_body.ts";
import type { Grant } from "../../policy/grant.ts";
import { pumpBody } from "./_body_pump.ts";
import { Http1Sink } from "./_http1_sink.ts";
import { readAnswerHead } from "./_read_answer.ts";
import type { Http1Connections, ServiceConnection } from "./http1_connections.ts";
import { ServiceBroken, type ServiceRequest, type ServiceResponse } from "./service_request.ts";

/** So long a service may let us wait before it gets a body that it did not ask for (RFC 9110 section 10.1.1). */
const CONTINUE_MS = 1000;
/** They may be sent again when nobody knows whether they arrived (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * Sends a request by HTTP/1.1.
 *
 * @param options where its connection comes from
 * @throws {DialError} when there is none
 * @throws {ServiceBroken} when there is no answer
 * @throws {RangeError} when its path cannot be asked for
 */
export async function requestHttp1(
  request: ServiceRequest,
  { connections, grant }: { connections: Http1Connections; grant: Grant },
): Promise<ServiceResponse> {
  const line = http1RequestLine(request.method, request.path);
  const connection = connections.take() ?? await open(request, { connections, grant });
  const asking = new Http1Asking(request, { line, connection, connections });
  try {
    return await asking.run();
  } catch (error) {
    asking.abort();
    throw new ServiceBroken(error, asking.isSafe);
  }
}

/** What is opened for a request that is given up meanwhile serves another. */
async function open(
  { signal }: ServiceRequest,
  { connections, grant }: { connections: Http1Connections; grant: Grant },
): Promise<ServiceConnection> {
  const opening = connections.open(grant);
  try {
    return await abortable(opening, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    opening.then((connection) => connections.release(connection), () => {});
    throw new ServiceBroken("The request was given up", false);
  }
}

/** One request on its connection. */
class Http1Asking {
  readonly #request: ServiceRequest;
  readonly #line: string;
  readonly #connection: ServiceConnection;
  readonly #connections: Http1Connections;
  readonly #wasReused: boolean;
  /** Of the request, when it says one. */
  readonly #isChunked: boolean;
  readonly #abort = () => this.abort();
  #go: (() => void) | null = null;
  #hasAnswer = false;
  #isSent = false;
  /** Nothing more is sent, though not all of it was. */
  #isCut = false;
  #isAnswered = false;
  #keepsAlive = false;

  constructor(
    request: ServiceRequest,
    { line, connection, connections }: {
      line: string;
      connection: ServiceConnection;
      connections: Http1Connections;
    },
  ) {
    this.#request = request;
    this.#line = line;
    this.#connection = connection;
    this.#connections = connections;
    this.#wasReused = connection.isReused;
    this.#isChunked = request.body !== null && !hasLength(request.headers);
  }

  /** Whether nobody can have acted on it: a connection that was kept may have been closed at the moment at which it was used. */
  get isSafe(): boolean {
    const { body, method } = this.#request;
    return this.#wasReused && !this.#hasAnswer && body === null && IDEMPOTENT.has(method);
  }

  /** Breaks it off. */
  abort(): void {
    this.#go?.();
    if (this.#isSent && this.#isAnswered) return;
    this.#connection.close();
    this.#request.signal.removeEventListener("abort", this.#abort);
  }

  async run(): Promise<ServiceResponse> {
    const { signal, method, onInform } = this.#request;
    const { input } = this.#connection;
    if (signal.aborted) throw new Error("The request was given up");
    signal.addEventListener("abort", this.#abort);
    await this.#send();
    const head = await readAnswerHead(input, {
      method,
      onInform: (status, fields) => {
        this.#hasAnswer = true;
        if (status === 100) this.#go?.();
        else onInform(status, fields);
      },
    }).finally(() => (this.#hasAnswer ||= input.length > 0));
    // A body that nobody asked for goes out late or not at all: until the answer has gone on, its sender would be told to go on.
    this.#hasAnswer = true;
    if (head.status === 101) throw new Error("Nobody asked for another protocol");
    this.#keepsAlive = head.keepsAlive && !signsConnectionIn(this.#request.headers);
    const body = new Http1Body(head.framing);
    const isLast = body.isOver;
    if (isLast) this.#answered();
    return this.#responseOf({ status: head.status, headers: head.fields, isLast }, body);
  }

  #responseOf(
    head: Pick<ServiceResponse, "status" | "headers" | "isLast">,
    body: Http1Body,
  ): ServiceResponse {
    const { input } = this.#connection;
    // Looked at ahead, so that what follows at once can be sent with what is there.
    let next: Uint8Array | null = null;
    let failure: unknown = null;
    return {
      ...head,
      get isReady() {
        try {
          next ??= input.take(body);
        } catch (error) {
          failure = error;
        }
        return next !== null || body.isOver || failure !== null;
      },
      read: async () => {
        try {
          if (failure !== null) throw failure;
          const piece = next ?? await input.read(body);
          next = null;
          if (piece === null) this.#answered();
          return piece;
        } catch (error) {
          this.abort();
          throw error;
        }
      },
      get trailers() {
        return body.trailers;
      },
    };
  }

  async #send(): Promise<void> {
    const { body } = this.#request;
    const { output } = this.#connection;
    output.put(http1Head(this.#line, this.#fields()));
    await output.flush();
    if (body === null) {
      this.#sent();
      return this.#request.onComplete();
    }
    const sink = new Http1Sink(this.#connection, {
      isChunked: this.#isChunked,
      trailers: () => body.trailers,
      onSent: () => this.#sent(),
    });
    const pumped = pumpBody(sink, { request: this.#request, go: body.waits ? this.#wanted() : null });
    void pumped.then(() => this.#pumped());
  }

  #pumped(): void {
    this.#isCut = !this.#isSent;
    if (this.#isCut && this.#isAnswered) this.#connection.close();
  }

  /** Until the service asks for the body, or keeps us waiting. */
  async #wanted(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CONTINUE_MS);
    this.#go = resolve;
    await promise;
    clearTimeout(timer);
  }

  #sent(): void {
    this.#isSent = true;
    if (this.#isAnswered) this.#release();
  }

  #answered(): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    if (!this.#keepsAlive || this.#isCut) {
      this.#connection.close();
      this.#request.signal.removeEventListener("abort", this.#abort);
    } else if (this.#isSent) this.#release();
  }

  #release(): void {
    this.#request.signal.removeEventListener("abort", this.#abort);
    if (this.#keepsAlive) this.#connections.release(this.#connection);
  }

  #fields(): string[] {
    const { method, host, headers, body } = this.#request;
    const fields = ["Host", host, ...headers];
    if (body === null) {
      if (!hasLength(headers) && /^(?:POST|PUT|PATCH)$/.test(method)) fields.push("Content-Length", "0");
      return fields;
    }
    if (this.#isChunked) fields.push("Transfer-Encoding", "chunked");
    if (body.waits) fields.push("Expect", "100-continue");
    return fields;
  }
}

/** Whether the service knows from then on whose connection it is: nobody else may have it (RFC 4559 section 6). */
function signsConnectionIn(headers: readonly string[]): boolean {
  return headers.some((value, i) =>
    i % 2 === 1 && /^(?:ntlm|negotiate)(?: |$)/i.test(value) &&
    headers[i - 1]!.toLowerCase() === "authorization"
  );
}

function hasLength(headers: readonly string[]): boolean {
  return headers.some((name, i) =>
    i % 2 === 0 && name.length === 14 && name.toLowerCase() === "content-length"
  );
}
