import { malformed } from "./http1_lines.ts";

/** How the body of a message ends (RFC 9112 section 6.3). */
export type Http1Framing =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  /** With the connection; answers only. */
  | { readonly kind: "close" };

/** There is no body. */
export const NO_BODY: Http1Framing = { kind: "length", length: 0 };
const CHUNKED: Http1Framing = { kind: "chunked" };
/** Up to 10^15: an exact number, and more than anybody waits for. */
const LENGTH = /^\d{1,15}$/;

/** What fields say about the connection and the body of their message, gathered in one pass. */
export class Http1Control {
  /** The only `Host`, as it was written; `null` without one. */
  host: string | null = null;
  /** `Connection` says that the connection ends after this message. */
  closes = false;
  /** What `Upgrade` and `Connection` ask for together; see {@link Http1Control.upgrade}. */
  readonly #protocols: string[] = [];
  #asksForUpgrade = false;
  /** The sender waits for a 100 before it sends a body. */
  expectsContinue = false;
  #length: string | null = null;
  #isChunked = false;

  /**
   * Takes note of a field.
   *
   * @param lower its name in lower case
   * @throws {CodecError} `codec/malformed` for what may stand there once and stands there twice, and for a framing that
   * others may read otherwise (RFC 9112 section 11.2)
   */
  note(lower: string, value: string): void {
    switch (lower) {
      case "host":
        if (this.host !== null) throw malformed("more than one Host");
        this.host = value;
        break;
      case "content-length":
        if (this.#length !== null || !LENGTH.test(value)) throw malformed("the length of its content");
        this.#length = value;
        break;
      case "transfer-encoding":
        if (this.#isChunked || value.toLowerCase() !== "chunked") throw malformed("its transfer coding");
        this.#isChunked = true;
        break;
      case "connection":
        this.#noteOptions(value);
        break;
      case "upgrade":
        this.#protocols.push(...listed(value));
        break;
      case "expect":
        this.expectsContinue = value.toLowerCase() === "100-continue";
        break;
    }
  }

  /** The protocol to go over to, in lower case (RFC 9110 section 7.8); `null` without one and with several. */
  get upgrade(): string | null {
    return this.#asksForUpgrade && this.#protocols.length === 1 ? this.#protocols[0]! || null : null;
  }

  /**
   * How the body ends; `null` when nothing says so.
   *
   * @param version of the message
   * @throws {CodecError} `codec/malformed`
   */
  framing(version: "1.0" | "1.1"): Http1Framing | null {
    if (this.#isChunked && (this.#length !== null || version === "1.0")) throw malformed("two framings");
    if (this.#isChunked) return CHUNKED;
    if (this.#length === null) return null;
    return { kind: "length", length: Number(this.#length) };
  }

  #noteOptions(value: string): void {
    for (const option of listed(value)) {
      if (option === "close") this.closes = true;
      else if (option === "upgrade") this.#asksForUpgrade = true;
    }
  }
}

function listed(value: string): string[] {
  return value.split(",").map((item) => item.trim().toLowerCase());
}
