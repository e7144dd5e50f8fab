import { concatBytes } from "../base/bytes.ts";
import { CodecError } from "./codec_error.ts";
import { SshReader, sshString, sshUint32, sshUint64 } from "./ssh_wire.ts";

/** How the name of the type of a certificate ends (PROTOCOL.certkeys of OpenSSH). */
const SUFFIX = "-cert-v01@openssh.com";
const FOREVER = 2n ** 64n - 1n;
const MAX_LIST = 256;

/** Fields of the key itself in a certificate, by the type of the key. */
const KEY_FIELDS: ReadonlyMap<string, number> = new Map([
  ["ssh-ed25519", 1],
  ["ssh-rsa", 2],
  ["ecdsa-sha2-nistp256", 2],
  ["ecdsa-sha2-nistp384", 2],
  ["ecdsa-sha2-nistp521", 2],
  ["sk-ssh-ed25519@openssh.com", 2],
  ["sk-ecdsa-sha2-nistp256@openssh.com", 3],
]);

/** What an authority says of a key. */
export interface SshCertificateFields {
  /** The key itself, in wire format. */
  readonly publicKey: Uint8Array;
  /** Chosen by the authority. */
  readonly serial: bigint;
  /** Whom it is for. */
  readonly type: "user" | "host";
  /** For the logs. */
  readonly keyId: string;
  /** Login names or host names; empty: OpenSSH takes it for any host, and for no user here. */
  readonly principals: readonly string[];
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly validAfter: bigint;
  /** The same, of the first second after its validity; 2^64 - 1: it does not end. */
  readonly validBefore: bigint;
  /** What has to be enforced, by name; values as they are. */
  readonly criticalOptions: ReadonlyMap<string, Uint8Array>;
  /** What it allows, by name. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
}

/** A certificate as it was read. Its signature has not been looked at. */
export interface SshCertificate extends SshCertificateFields {
  /** The key of who signed it, in wire format. */
  readonly authorityKey: Uint8Array;
  /** For `verifySshSignature()`. */
  readonly signature: Uint8Array;
  /** What was signed. */
  readonly signed: Uint8Array;
}

/** Whether a type of keys is that of a certificate. */
export function isCertificateType(type: string): boolean {
  return type.endsWith(SUFFIX);
}

/** Milliseconds of a time in a certificate; `Infinity` for one that does not come. */
export function certificateTimeMs(seconds: bigint): number {
  return seconds === FOREVER ? Infinity : Number(seconds) * 1000;
}

/**
 * Reads a certificate of OpenSSH (PROTOCOL.certkeys).
 *
 * @throws {CodecError} `codec/unexpected` for what is none, `codec/malformed`, `codec/truncated`, `codec/too-large`
 */
export function parseSshCertificate(blob: Uint8Array): SshCertificate {
  const reader = new SshReader(blob);
  const type = reader.text();
  const keyType = isCertificateType(type) ? plainType(type) : type;
  const fields = isCertificateType(type) ? KEY_FIELDS.get(keyType) : undefined;
  if (fields === undefined) {
    throw new CodecError("codec/unexpected", "Cannot read an SSH certificate: it is none");
  }
  reader.bytes();
  const key = Array.from({ length: fields }, () => sshString(reader.bytes()));
  const serial = reader.uint64();
  const kind = reader.uint32();
  if (kind !== 1 && kind !== 2) throw malformed("it is neither for a user nor for a host");
  const certificate = {
    publicKey: concatBytes([sshString(keyType), ...key]),
    serial,
    type: kind === 1 ? "user" as const : "host" as const,
    keyId: reader.text(),
    principals: readList(reader.bytes()),
    validAfter: reader.uint64(),
    validBefore: reader.uint64(),
    criticalOptions: readOptions(reader.bytes()),
    extensions: readOptions(reader.bytes()),
  };
  reader.bytes();
  const authorityKey = reader.bytes();
  const signed = blob.subarray(0, reader.offset);
  const signature = reader.bytes();
  if (!reader.isAtEnd) throw malformed("something follows it");
  return { ...certificate, authorityKey, signature, signed };
}

/**
 * Writes a certificate.
 *
 * @param options `nonce`: 16 to 64 random bytes; `authorityKey`: in wire format; `sign`: makes the signature of the authority,
 * with its algorithm before it
 */
export function encodeSshCertificate(
  fields: SshCertificateFields,
  options: {
    readonly nonce: Uint8Array;
    readonly authorityKey: Uint8Array;
    readonly sign: (bytes: Uint8Array) => Uint8Array;
  },
): Uint8Array<ArrayBuffer> {
  const key = new SshReader(fields.publicKey);
  const type = certificateType(key.text());
  const signed = concatBytes([
    sshString(type),
    sshString(options.nonce),
    fields.publicKey.subarray(key.offset),
    sshUint64(fields.serial),
    sshUint32(fields.type === "user" ? 1 : 2),
    sshString(fields.keyId),
    sshString(concatBytes(fields.principals.map(sshString))),
    sshUint64(fields.validAfter),
    sshUint64(fields.validBefore),
    encodeOptions(fields.criticalOptions),
    encodeOptions(fields.extensions),
    sshString(""),
    sshString(options.authorityKey),
  ]);
  return concatBytes([signed, sshString(options.sign(signed))]);
}

/** `ssh-ed25519` for `ssh-ed25519-cert-v01@openssh.com`; keys of security keys have a domain before it, too. */
function plainType(type: string): string {
  const name = type.slice(0, -SUFFIX.length);
  return name.startsWith("sk-") ? `${name}@openssh.com` : name;
}

function certificateType(keyType: string): string {
  return `${keyType.replace(/@openssh\.com$/, "")}${SUFFIX}`;
}

function readList(bytes: Uint8Array): string[] {
  const reader = new SshReader(bytes);
  const list: string[] = [];
  while (!reader.isAtEnd) {
    if (list.length === MAX_LIST) throw tooLong();
    list.push(reader.text());
  }
  return list;
}

/** Names have to come in order, each once: then one has one meaning. */
function readOptions(bytes: Uint8Array): Map<string, Uint8Array> {
  const reader = new SshReader(bytes);
  const options = new Map<string, Uint8Array>();
  let last = "";
  while (!reader.isAtEnd) {
    if (options.size === MAX_LIST) throw tooLong();
    const name = reader.text();
    if (name <= last) throw malformed("its options are not in order");
    last = name;
    options.set(name, reader.bytes());
  }
  return options;
}

function encodeOptions(options: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const inOrder = [...options].sort(([a], [b]) => a < b ? -1 : 1);
  return sshString(concatBytes(inOrder.flatMap(([name, value]) => [sshString(name), sshString(value)])));
}

function malformed(what: string): CodecError {
  return new CodecError("codec/malformed", `Cannot read an SSH certificate: ${what}`);
}

function tooLong(): CodecError {
  return new CodecError(
    "codec/too-large",
    `Cannot read an SSH certificate: a list is longer than ${MAX_LIST}`,
  );
}
