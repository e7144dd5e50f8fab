// @ts-types="@types/ssh2"
import type { PublicKeyAuthContext } from "ssh2";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { concatBytes, fromUtf8 } from "../base/bytes.ts";
import { parseIp, parseIpPrefix, prefixContains } from "../base/ip.ts";
import { CodecError } from "../codec/codec_error.ts";
import {
  certificateTimeMs,
  isCertificateType,
  parseSshCertificate,
  type SshCertificate,
} from "../codec/ssh_certificate.ts";
import { isSecurityKey, parseSshPublicKey, sshFingerprint, sshKeyType } from "../codec/ssh_public_key.ts";
import { verifySshSignature } from "../codec/ssh_signature.ts";
import { SshReader, sshString } from "../codec/ssh_wire.ts";
import type { SshCertificateFacts } from "../policy/facts.ts";

/** No key that is taken is longer than this in wire format, certificates included. */
const MAX_KEY_BYTES = 16 * 1024;

/** What ssh2 tells of a key; of one of RSA also the hash, such as `sha256`: `undefined` is SHA-1. */
export type OfferContext = Pick<PublicKeyAuthContext, "key"> & { readonly hashAlgo?: string };

/** A key that a client offers. */
export interface OfferedKey {
  /** As it was offered: of a certificate the whole of it. */
  readonly blob: Uint8Array;
  /** The key itself, in wire format. */
  readonly publicKey: Uint8Array;
  /** Of the key itself, such as `SHA256:…`. */
  readonly fingerprint: string;
  /** `null`: it is no certificate, or not one that counts. */
  readonly certificate: SshCertificateFacts | null;
}

/**
 * Reads the key of a request (RFC 4252 section 7).
 *
 * @param options `ip`: of the client, for certificates that are for some addresses only
 * @returns `null` when it is none that could be taken
 */
export function offeredKey(
  { key }: Pick<PublicKeyAuthContext, "key">,
  { ip }: { ip: string },
): OfferedKey | null {
  const blob = Uint8Array.from(key.data);
  if (blob.length > MAX_KEY_BYTES) return null;
  try {
    const type = sshKeyType(blob);
    // The name of a certificate of RSA says with which hash its key signs.
    if (type !== key.algo.replace(/^rsa-sha2-(?:256|512)(?=-cert-)/, "ssh-rsa")) return null;
    const certificate = isCertificateType(type) ? parseSshCertificate(blob) : null;
    const publicKey = certificate?.publicKey ?? blob;
    parseSshPublicKey(publicKey);
    return {
      blob,
      publicKey,
      fingerprint: sshFingerprint(publicKey),
      certificate: certificate === null ? null : certificateFacts(certificate, ip),
    };
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

/** What a client offers is a key of RSA that it would sign with SHA-1. */
export function signsWithSha1(context: OfferContext): boolean {
  return context.key.algo === "ssh-rsa" && context.hashAlgo === undefined;
}

/** Says that a key may sign (RFC 4252 section 7), by the name that it was offered by: of RSA ssh2 would name SHA-1. */
export function acceptKey(context: OfferContext & Pick<PublicKeyAuthContext, "accept">): void {
  const { key, hashAlgo } = context;
  if (key.algo === "ssh-rsa" && hashAlgo !== undefined) key.algo = `rsa-sha2-${hashAlgo.slice("sha".length)}`;
  context.accept();
}

/** Whether the client has proven to hold the key: its signature is of this session and this request. SHA-1 is refused. */
export function isProven(
  key: OfferedKey,
  context: OfferContext & Pick<PublicKeyAuthContext, "signature" | "blob">,
): boolean {
  const { signature, blob, hashAlgo } = context;
  if (signature === undefined || blob === undefined || signsWithSha1(context)) return false;
  const { algo } = context.key;
  if (isCertificateType(algo)) return verifySshSignature(key.publicKey, { signature, data: blob });
  if (isSecurityKey(algo)) {
    return verifySshSignature(key.publicKey, {
      signature: securityKeySignature(algo, signature),
      data: blob,
    });
  }
  // ssh2 has turned the signature into what its own verifying takes.
  const parsed = ssh2.utils.parseKey(Buffer.from(key.publicKey));
  if (parsed instanceof Error) return false;
  return parsed.verify(blob, signature, hashAlgo) === true;
}

/** ssh2 has taken the name of the algorithm, and the length of what follows, from before it. */
function securityKeySignature(algo: string, rest: Uint8Array): Uint8Array {
  const FLAGS_AND_COUNTER = 5;
  const end = rest.length - FLAGS_AND_COUNTER;
  return concatBytes([sshString(algo), sshString(rest.subarray(0, end)), rest.subarray(end)]);
}

/** What counts of a certificate; `null` when nothing does: then the key in it is a key like any other. */
function certificateFacts(certificate: SshCertificate, ip: string): SshCertificateFacts | null {
  const { type, authorityKey, signature, signed, principals, validAfter, validBefore } = certificate;
  if (type !== "user" || !optionsHold(certificate.criticalOptions, ip)) return null;
  if (!verifySshSignature(authorityKey, { signature, data: signed })) return null;
  return {
    authorityKey,
    principals,
    validAfter: certificateTimeMs(validAfter),
    validBefore: certificateTimeMs(validBefore),
  };
}

/** `source-address` is enforced; what else there may be is not, so that such a certificate must not count. */
function optionsHold(options: ReadonlyMap<string, Uint8Array>, ip: string): boolean {
  const address = parseIp(ip);
  return [...options].every(([name, value]) => {
    if (name !== "source-address" || address === null) return false;
    const prefixes = fromUtf8(new SshReader(value).bytes()).split(",").map(parseIpPrefix);
    return prefixes.some((prefix) => prefix !== null && prefixContains(prefix, address));
  });
}
