import { upgradeUrl } from "./asked.ts";
import type { Http1RequestHead } from "../codec/http1_request_head.ts";
import type { Exchange } from "./exchange.ts";
import { originForm } from "./malformed.ts";
import { headersOf } from "./raw_headers.ts";

/**
 * The URL of a request.
 *
 * @throws {BadRequest} when its host or its path cannot be part of one
 */
export function http1Url({ host, target }: Pick<Http1RequestHead, "host" | "target">): string {
  return upgradeUrl("https", host ?? undefined, originForm(target));
}

/** A request of HTTP/1.1 for the application, with whatever method: the platform's constructor refuses some. */
export class Http1Request extends Request {
  readonly #method: string;

  private constructor(url: string, init: RequestInit & { readonly realMethod: string }) {
    super(url, init);
    this.#method = init.realMethod;
  }

  /**
   * Makes it.
   *
   * @param exchange gives the body; `null`: there is none
   * @throws {BadRequest} when host or path cannot be part of a URL
   */
  static of(head: Http1RequestHead, exchange: Exchange | null): Http1Request {
    const hasBody = exchange !== null && exchange.hasBody && head.method !== "GET" && head.method !== "HEAD";
    const init = { headers: headersOf(head.fields), realMethod: head.method };
    const body = hasBody ? { method: "POST", body: bodyOf(exchange), duplex: "half" } : {};
    return new Http1Request(http1Url(head), { ...init, ...body });
  }

  /** As it came. */
  override get method(): string {
    return this.#method;
  }
}

function bodyOf(exchange: Exchange): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const piece = await exchange.read();
      if (piece === null) controller.close();
      else controller.enqueue(piece.slice());
    },
  }, { highWaterMark: 0 });
}
