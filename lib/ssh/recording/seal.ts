import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { utf8 } from "../../base/bytes.ts";

const BEGIN = "sallyport recording v1\n";
/** Of a link of the chain, in a seal: enough to tell which line was changed. */
const MARK_LENGTH = 16;

/** The chain of hashes over the lines of a recording, its header and seals included. */
export class LineChain {
  #link = createHash("sha256").update(BEGIN).digest();
  #length = 0;

  /** Adds a line, with its line end. @returns the mark by which the line is known in a seal */
  add(line: Uint8Array): string {
    this.#link = createHash("sha256").update(this.#link).update(line).digest();
    this.#length++;
    return this.#link.toString("hex").slice(0, MARK_LENGTH);
  }

  /** SHA-256 over everything so far, in hexadecimal. */
  get value(): string {
    return this.#link.toString("hex");
  }

  /** Lines so far. */
  get length(): number {
    return this.#length;
  }
}

/** What is said of the lines before it. */
export interface SealedLines {
  /** Whether nothing comes after it. */
  readonly isLast: boolean;
  /** {@link LineChain.value} before it. */
  readonly chain: string;
  /** One for each line since the seal before, in order. */
  readonly marks: readonly string[];
}

/** In the place of an HMAC. */
const NO_MAC = "0".repeat(64);
const SEAL = /^(seal|end) ([0-9a-f]{64}) ((?:[0-9a-f]{16})*) ([0-9a-f]{64})$/;

/**
 * A seal as a line of the file: what it says, and the HMAC-SHA-256 (RFC 2104) of that line with zeros in the place of the
 * HMAC, so that nothing else in the line can be changed either.
 *
 * @param options `key`: for HMAC-SHA-256; `render`: makes a line, with its line end, of the text of a seal
 */
export async function signedSeal(
  { isLast, chain, marks }: SealedLines,
  { key, render }: { key: CryptoKey; render: (text: string) => string },
): Promise<string> {
  const line = render(`${isLast ? "end" : "seal"} ${chain} ${marks.join("")} ${NO_MAC}`);
  const mac = await crypto.subtle.sign("HMAC", key, utf8(line));
  return withMac(line, { mac: Buffer.from(mac).toString("hex"), before: NO_MAC });
}

/**
 * What a seal says, and whether its line was made with `key`; `null` when the text is that of none.
 *
 * @param text as {@link signedSeal} has it rendered
 * @param options `line`: the whole line that it stands in, with its line end
 */
export async function openSeal(
  text: string,
  { key, line }: { key: CryptoKey; line: string },
): Promise<SealedLines & { readonly isGenuine: boolean } | null> {
  const match = SEAL.exec(text);
  if (match === null) return null;
  const [, kind, chain, marks, mac] = match;
  const unsigned = utf8(withMac(line, { mac: NO_MAC, before: mac! }));
  return {
    isLast: kind === "end",
    chain: chain!,
    marks: marks!.match(/.{16}/g) ?? [],
    isGenuine: await crypto.subtle.verify("HMAC", key, Buffer.from(mac!, "hex"), unsigned),
  };
}

/** With another HMAC in the place of the last that is `before`. */
function withMac(line: string, { mac, before }: { mac: string; before: string }): string {
  const at = line.lastIndexOf(before);
  return line.slice(0, at) + mac + line.slice(at + before.length);
}

/** A name for the key that seals, which tells nothing of it: 16 hexadecimal digits. */
export async function sealKeyId(key: CryptoKey): Promise<string> {
  const mac = await crypto.subtle.sign("HMAC", key, utf8("sallyport recording key"));
  return Buffer.from(mac).toString("hex").slice(0, 16);
}
