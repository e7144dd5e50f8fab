import type { ByteStream } from "../base/byte_stream.ts";
import { concatBytes, fromUtf8, utf8 } from "../base/bytes.ts";
import { CodecError } from "../codec/codec_error.ts";

/** What the control stream of `sallyport publish`, and each stream for a connection, is asked for as. */
export const PUBLISH_PROTOCOL = "sallyport-publish";
/** Where both are asked for. */
export const PUBLISH_PATH = "/.pomerium/api/v1/publish";

/** How often the gateway asks whether the other end is still there. */
export const ASK_EVERY_MS = 15_000;
/** Without a word for so long, either end takes the other for gone. */
export const SILENT_MS = 45_000;

/** What is said on a control stream. */
export type PublishMessage =
  /** The gateway: from now on connections go to the publisher. */
  | { readonly kind: "published"; readonly protocol: "tcp" | "udp" }
  /** The gateway: somebody connects; the publisher is to ask for a stream of this id. */
  | { readonly kind: "connect"; readonly id: string }
  /** The publisher: it does not connect, and why. */
  | { readonly kind: "refused"; readonly id: string; readonly reason: string }
  /** The gateway: nothing may be published any more, and why. */
  | { readonly kind: "over"; readonly reason: string }
  /** Either: it is still there. The publisher says so whenever the gateway does. */
  | { readonly kind: "here" };

const MAX_LINE_BYTES = 2048;
const MAX_TEXT_LENGTH = 256;
const ID = /^[\w-]{1,64}$/;

/** Writes a message: one line of JSON. Texts are cut to 256 characters. */
export function encodePublishMessage(message: PublishMessage): Uint8Array<ArrayBuffer> {
  const cut = "reason" in message
    ? { ...message, reason: message.reason.slice(0, MAX_TEXT_LENGTH) }
    : message;
  return utf8(`${JSON.stringify(cut)}\n`);
}

/** Reads messages, however they are divided over chunks. Once it has failed, it must not be used again. */
export class PublishMessageDecoder {
  #rest = new Uint8Array(0);

  /**
   * Takes bytes.
   *
   * @param deliver is given each message; one of a kind that this version does not know is dropped
   * @throws {CodecError} `codec/too-large`: a line of more than 2048 bytes; `codec/malformed`
   */
  push(chunk: Uint8Array, deliver: (message: PublishMessage) => void): void {
    let bytes = concatBytes([this.#rest, chunk]);
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
      checkLength(end);
      const message = parse(bytes.subarray(0, end));
      if (message !== null) deliver(message);
      bytes = bytes.subarray(end + 1);
    }
    checkLength(bytes.length);
    this.#rest = bytes.slice();
  }
}

/** The messages of one control stream. */
export class PublishChannel {
  readonly #stream: ByteStream;
  #sending = Promise.resolve();

  /** Over a control stream. @param stream owned by the channel from now on */
  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Sends a message after those before it. A failure is heard of by who receives. */
  send(message: PublishMessage): void {
    this.#sending = this.#sending.then(() => this.#stream.write(encodePublishMessage(message))).catch(() =>
      this.close()
    );
  }

  /** Sends what waits, then closes. */
  async finish(): Promise<void> {
    await this.#sending;
    this.close();
  }

  /** Delivers messages until the other end has finished. Rejects when the stream breaks, or with a {@link CodecError}. */
  async receive(deliver: (message: PublishMessage) => void): Promise<void> {
    const decoder = new PublishMessageDecoder();
    const buffer = new Uint8Array(MAX_LINE_BYTES);
    for (;;) {
      const count = await this.#stream.read(buffer);
      if (count === null) return;
      decoder.push(buffer.subarray(0, count), deliver);
    }
  }

  /** Closes the stream at once. */
  close(): void {
    this.#stream.close();
  }
}

function checkLength(bytes: number): void {
  if (bytes <= MAX_LINE_BYTES) return;
  throw new CodecError(
    "codec/too-large",
    `A message about publishing is longer than ${MAX_LINE_BYTES} bytes`,
  );
}

function parse(line: Uint8Array): PublishMessage | null {
  const { kind, id, reason, protocol } = fieldsOf(line);
  const isId = typeof id === "string" && ID.test(id);
  const text = typeof reason === "string" ? reason.slice(0, MAX_TEXT_LENGTH) : "";
  switch (kind) {
    case "published":
      return { kind, protocol: protocol === "udp" ? "udp" : "tcp" };
    case "connect":
      return isId ? { kind, id } : fail();
    case "refused":
      return isId ? { kind, id, reason: text } : fail();
    case "over":
      return { kind, reason: text };
    case "here":
      return { kind };
    default:
      return null;
  }
}

function fieldsOf(line: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(fromUtf8(line));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  return fail();
}

function fail(): never {
  throw new CodecError("codec/malformed", "A message about publishing is not one");
}
