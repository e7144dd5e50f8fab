import { type Certificate, parseCertificate } from "../../lib/pki/certificate.ts";
import { NOW } from "./_pairs.ts";

/** Writes bytes of DER, right or wrong: whatever a test asks for. */
export const der = {
  tlv(tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const digits = length.toString(16);
    const long = digits.padStart(digits.length + digits.length % 2, "0");
    const head = length < 0x80 ? [length] : [0x80 | (long.length / 2), ...Uint8Array.fromHex(long)];
    return join([new Uint8Array([tag, ...head]), ...parts]);
  },
  seq: (...parts: Uint8Array[]) => der.tlv(0x30, ...parts),
  set: (...parts: Uint8Array[]) => der.tlv(0x31, ...parts),
  int: (hex: string) => der.tlv(0x02, Uint8Array.fromHex(hex)),
  bool: (value: boolean) => der.tlv(0x01, new Uint8Array([value ? 0xff : 0])),
  oid: (text: string) => der.tlv(0x06, oidContent(text)),
  utf8: (text: string) => der.tlv(0x0c, ascii(text)),
  printable: (text: string) => der.tlv(0x13, ascii(text)),
  ia5: (text: string) => der.tlv(0x16, ascii(text)),
  octets: (...parts: Uint8Array[]) => der.tlv(0x04, ...parts),
  bits: (...parts: Uint8Array[]) => der.tlv(0x03, new Uint8Array([0]), ...parts),
  time: (ms: number) => der.tlv(0x18, ascii(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, ""))),
  context: (number: number, ...parts: Uint8Array[]) => der.tlv(0xa0 | number, ...parts),
  implicit: (number: number, ...parts: Uint8Array[]) => der.tlv(0x80 | number, ...parts),
};

/** The bytes of an ASCII text. */
export const ascii = (text: string) => new TextEncoder().encode(text);

/** A Name of one common name. */
export function name(commonName: string): Uint8Array<ArrayBuffer> {
  return der.seq(der.set(der.seq(der.oid("2.5.4.3"), der.utf8(commonName))));
}

/** An Extension. */
export function extension(id: string, value: Uint8Array, isCritical = false): Uint8Array<ArrayBuffer> {
  return der.seq(der.oid(id), ...(isCritical ? [der.bool(true)] : []), der.octets(value));
}

/** Extensions, as they usually are. */
export const extensions = {
  authority: (pathLength?: number) =>
    extension(
      "2.5.29.19",
      der.seq(
        der.bool(true),
        ...(pathLength === undefined ? [] : [der.int(pathLength.toString(16).padStart(2, "0"))]),
      ),
      true,
    ),
  keyUsage: (bits: string, isCritical = true) =>
    extension("2.5.29.15", der.tlv(0x03, Uint8Array.fromHex(bits)), isCritical),
  extendedKeyUsage: (...ids: string[]) => extension("2.5.29.37", der.seq(...ids.map(der.oid))),
  alternativeNames: (...names: Uint8Array[]) => extension("2.5.29.17", der.seq(...names)),
  permitted: (...names: Uint8Array[]) => constraints(0, names),
  excluded: (...names: Uint8Array[]) => constraints(1, names),
};

/** GeneralNames. */
export const names = {
  dns: (text: string) => der.implicit(2, ascii(text)),
  email: (text: string) => der.implicit(1, ascii(text)),
  uri: (text: string) => der.implicit(6, ascii(text)),
  ip: (hex: string) => der.implicit(7, Uint8Array.fromHex(hex)),
  directory: (value: Uint8Array) => der.context(4, value),
  upn: (text: string) => der.context(0, der.oid("1.3.6.1.4.1.311.20.2.3"), der.context(0, der.utf8(text))),
};

export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
/** Bit strings of key usages. */
export const DIGITAL_SIGNATURE = "0780";
export const SIGN_CERTIFICATES = "0204";
export const SIGN_BOTH = "0106";

/** What differs from a plain certificate. */
export interface Forgery {
  /** 1, 2, 3, or bytes in place of the version. */
  readonly version?: 1 | 2 | 3 | Uint8Array;
  /** Hexadecimal content of the INTEGER. Default: `01`. */
  readonly serial?: string;
  /** A common name, or a Name. */
  readonly subject?: string | Uint8Array;
  readonly issuer?: Uint8Array;
  readonly notBefore?: number;
  /** Milliseconds since 1970, or a Time. */
  readonly notAfter?: number | Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  readonly spki?: Uint8Array;
  readonly keys?: CryptoKeyPair;
}

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** The AlgorithmIdentifier of all signatures here. */
export const ECDSA_SHA256 = der.seq(der.oid("1.2.840.10045.4.3.2"));
const DAY_MS = 86_400_000;

/** A key with a certificate, that can issue others. */
export class Entity {
  private constructor(
    readonly der: Uint8Array<ArrayBuffer>,
    readonly subject: Uint8Array,
    readonly keys: CryptoKeyPair,
  ) {}

  /** A self-signed authority. */
  static async root(commonName: string, forgery: Forgery = {}): Promise<Entity> {
    const keys = forgery.keys ?? await newKeys();
    const issuer = name(commonName);
    const authority = { extensions: [extensions.authority(), extensions.keyUsage(SIGN_BOTH)] };
    const all = { ...authority, subject: commonName, issuer, ...forgery, keys };
    return new Entity(await makeCertificate(all, keys), issuer, keys);
  }

  /** A client's certificate, unless the forgery says otherwise. */
  async issue(forgery: Forgery = {}): Promise<Entity> {
    const keys = forgery.keys ?? await newKeys();
    const { subject = "Leaf" } = forgery;
    const usage = [extensions.keyUsage(DIGITAL_SIGNATURE), extensions.extendedKeyUsage(CLIENT_AUTH)];
    const all = { extensions: usage, issuer: this.subject, ...forgery, keys };
    const made = await makeCertificate(all, this.keys);
    return new Entity(made, typeof subject === "string" ? name(subject) : subject, keys);
  }

  /** An intermediate authority. */
  issueAuthority(commonName: string, forgery: Forgery = {}): Promise<Entity> {
    const authority = [extensions.authority(), extensions.keyUsage(SIGN_BOTH)];
    return this.issue({ extensions: authority, subject: commonName, ...forgery });
  }

  /** A revocation list with these serial numbers. */
  async revoke(serials: readonly string[], forgery: CrlForgery = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { thisUpdate = NOW - DAY_MS, nextUpdate = NOW + DAY_MS } = forgery;
    const entries = serials.map((serial) =>
      der.seq(
        der.int(serial),
        der.time(NOW - DAY_MS),
        ...(forgery.entry === undefined ? [] : [der.seq(forgery.entry)]),
      )
    );
    const tbs = der.seq(
      der.int("01"),
      ECDSA_SHA256,
      forgery.issuer ?? this.subject,
      der.time(thisUpdate),
      ...(forgery.withoutNextUpdate === true ? [] : [der.time(nextUpdate)]),
      ...(entries.length === 0 ? [] : [der.seq(...entries)]),
      ...(forgery.extensions === undefined ? [] : [der.context(0, der.seq(...forgery.extensions))]),
    );
    return await signed(tbs, this.keys);
  }

  /** As our own parser reads it. */
  get certificate(): Certificate {
    return parseCertificate(this.der);
  }
}

/** What differs from a plain revocation list. */
export interface CrlForgery {
  readonly thisUpdate?: number;
  readonly nextUpdate?: number;
  readonly withoutNextUpdate?: boolean;
  readonly issuer?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  /** An extension of every entry. */
  readonly entry?: Uint8Array;
}

/** New keys on P-256. */
export async function newKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
}

async function makeCertificate(
  forgery: Forgery & { issuer: Uint8Array; keys: CryptoKeyPair },
  signer: CryptoKeyPair,
): Promise<Uint8Array<ArrayBuffer>> {
  const {
    version = 3,
    serial = "01",
    subject = "Leaf",
    issuer,
    keys,
    extensions = [],
    notAfter = NOW + DAY_MS,
  } = forgery;
  const number = typeof version === "number" ? der.context(0, der.int(`0${version - 1}`)) : version;
  const spki = forgery.spki ?? new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));
  const tbs = der.seq(
    ...(version === 1 ? [] : [number]),
    der.int(serial),
    ECDSA_SHA256,
    issuer,
    der.seq(
      der.time(forgery.notBefore ?? NOW - DAY_MS),
      typeof notAfter === "number" ? der.time(notAfter) : notAfter,
    ),
    typeof subject === "string" ? name(subject) : subject,
    spki,
    ...(extensions.length === 0 ? [] : [der.context(3, der.seq(...extensions))]),
  );
  return await signed(tbs, signer);
}

async function signed(tbs: Uint8Array<ArrayBuffer>, keys: CryptoKeyPair) {
  return der.seq(tbs, ECDSA_SHA256, await signature(tbs, keys));
}

/** The BIT STRING of a signature by {@link ECDSA_SHA256}. */
export async function signature(tbs: Uint8Array<ArrayBuffer>, { privateKey }: CryptoKeyPair) {
  const raw = new Uint8Array(await crypto.subtle.sign(P256, privateKey, tbs));
  const numbers = [raw.subarray(0, 32), raw.subarray(32)].map((bytes) => der.int(unsigned(bytes)));
  return der.bits(der.seq(...numbers));
}

function unsigned(bytes: Uint8Array): string {
  const hex = bytes.toHex().replace(/^(?:00)+(?=..)/, "");
  return parseInt(hex[0]!, 16) >= 8 ? `00${hex}` : hex;
}

function constraints(number: number, bases: readonly Uint8Array[]) {
  return extension("2.5.29.30", der.seq(der.context(number, ...bases.map((base) => der.seq(base)))), true);
}

function oidContent(text: string): Uint8Array<ArrayBuffer> {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return new Uint8Array([first * 40 + second, ...rest].flatMap(base128));
}

function base128(arc: number): number[] {
  const groups = [arc % 128];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
    groups.unshift(0x80 | left % 128);
  }
  return groups;
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
