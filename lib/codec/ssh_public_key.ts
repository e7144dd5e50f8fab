import { Buffer } from "node:buffer";
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { decodeBase64, encodeBase64Url } from "../base/bytes.ts";
import { CodecError } from "./codec_error.ts";
import { SshReader } from "./ssh_wire.ts";

/** A line of an `authorized_keys` file, without options: a type, the key in base64, and perhaps a comment. */
const KEY_LINE = /^([a-z0-9][a-z0-9@.-]*)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t].*)?$/;

const CURVES: ReadonlyMap<string, { readonly crv: string; readonly bytes: number }> = new Map([
  ["nistp256", { crv: "P-256", bytes: 32 }],
  ["nistp384", { crv: "P-384", bytes: 48 }],
  ["nistp521", { crv: "P-521", bytes: 66 }],
]);

/** The public key of SSH, apart from what an authority or a security key adds to it. */
export interface SshPublicKey {
  /** Such as `ssh-ed25519`. */
  readonly type: string;
  /** For verifying. */
  readonly key: KeyObject;
  /** What a security key signs for (PROTOCOL.u2f of OpenSSH), such as `ssh:`; `null` for keys in software. */
  readonly application: string | null;
}

/** The type that a key or certificate in wire format begins with (RFC 4253 section 6.6). @throws {CodecError} */
export function sshKeyType(blob: Uint8Array): string {
  return new SshReader(blob).text();
}

/** What `ssh-keygen -l` calls a key by: `SHA256:` and unpadded base64. */
export function sshFingerprint(blob: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** A key or certificate as in a `.pub` file, without comment. @throws {CodecError} */
export function formatSshKey(blob: Uint8Array): string {
  return `${sshKeyType(blob)} ${Buffer.from(blob).toString("base64")}`;
}

/**
 * The key or certificate in a line as in a `.pub` file, in wire format. Options before the type are refused: nobody would
 * enforce them.
 *
 * @returns `null` when it is none
 */
export function parseSshKeyLine(line: string): Uint8Array<ArrayBuffer> | null {
  const [, type = "", base64 = ""] = KEY_LINE.exec(line.trim()) ?? [];
  const blob = decodeBase64(base64);
  return blob !== null && type !== "" && isOfType(blob, type) ? blob : null;
}

/** Whether a key begins with the name of its type and consists of whole fields. A certificate has fields of other kinds, too. */
function isOfType(blob: Uint8Array, type: string): boolean {
  try {
    const reader = new SshReader(blob);
    if (reader.text() !== type || reader.isAtEnd) return false;
    if (type.includes("-cert-v01@")) return true;
    while (!reader.isAtEnd) reader.bytes();
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a public key in wire format: Ed25519 (RFC 8709), ECDSA (RFC 5656), RSA of 1,024 to 16,384 bits, and those of
 * security keys.
 *
 * @throws {CodecError} `codec/unexpected` for other types, `codec/malformed`, `codec/truncated`
 */
export function parseSshPublicKey(blob: Uint8Array): SshPublicKey {
  const reader = new SshReader(blob);
  const type = reader.text();
  const jwk = readKey(type, reader);
  const application = isSecurityKey(type) ? reader.text() : null;
  if (!reader.isAtEnd) {
    throw new CodecError("codec/malformed", "Cannot read an SSH key: something follows it");
  }
  try {
    return { type, key: createPublicKey({ key: jwk, format: "jwk" }), application };
  } catch {
    throw new CodecError("codec/malformed", "Cannot read an SSH key: it is not a valid one");
  }
}

/** Whether keys of this type live in a security key. */
export function isSecurityKey(type: string): boolean {
  return type.startsWith("sk-");
}

function readKey(type: string, reader: SshReader): Record<string, string> {
  switch (type) {
    case "ssh-ed25519":
    case "sk-ssh-ed25519@openssh.com":
      return { kty: "OKP", crv: "Ed25519", x: encodeBase64Url(reader.bytes()) };
    case "ssh-rsa": {
      const [e, n] = [reader.unsigned(), reader.unsigned()];
      // Verifying takes the time of the exponent.
      if (n.length < 128 || n.length > 2048 || e.length > 8) {
        throw new CodecError("codec/malformed", "Cannot read an SSH key: RSA of this size is not taken");
      }
      return { kty: "RSA", e: encodeBase64Url(e), n: encodeBase64Url(n) };
    }
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return readPoint(type, reader);
    default:
      throw new CodecError("codec/unexpected", "Cannot read an SSH key: its type is not known");
  }
}

function readPoint(type: string, reader: SshReader): Record<string, string> {
  const name = reader.text();
  const point = reader.bytes();
  const curve = CURVES.get(name);
  // Uncompressed (SEC 1 section 2.3.3) is all that RFC 5656 section 3.1 asks for.
  const isRight = curve !== undefined && type.includes(name) && point[0] === 4 &&
    point.length === 1 + 2 * curve.bytes;
  if (!isRight) {
    throw new CodecError("codec/malformed", "Cannot read an SSH key: its point is not one of its curve");
  }
  return {
    kty: "EC",
    crv: curve.crv,
    x: encodeBase64Url(point.subarray(1, 1 + curve.bytes)),
    y: encodeBase64Url(point.subarray(1 + curve.bytes)),
  };
}
