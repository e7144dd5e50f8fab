import { createHash } from "node:crypto";
import { ascii, der, ECDSA_SHA256, type Entity, extension, signature } from "./_forge.ts";
import { NOW } from "./_pairs.ts";

/** What differs from a plain answer that a certificate is good. */
export interface OcspForgery {
  /** Who signs. Default: the issuer. */
  readonly signer?: Entity;
  /** Certificates that come with it. Default: none. */
  readonly certificates?: readonly Entity[];
  /** The responder, named by its key. Default: by its subject. */
  readonly byKey?: boolean;
  /** Default: `good`. */
  readonly status?: "good" | "revoked" | "unknown";
  /** Default: `sha1`. */
  readonly hash?: "sha1" | "sha256" | "sha512";
  /** Hexadecimal. Default: that of the certificate. */
  readonly serial?: string;
  /** Who has issued the certificate that is spoken of. Default: its issuer. */
  readonly issuer?: Entity;
  readonly thisUpdate?: number;
  /** `null`: none. */
  readonly nextUpdate?: number | null;
  /** An extension of the whole. */
  readonly extension?: Uint8Array;
  /** In place of success. */
  readonly responseStatus?: number;
  /** More answers about the certificate. */
  readonly more?: readonly ("good" | "revoked" | "unknown")[];
}

const MINUTE_MS = 60_000;
const HASHES = { sha1: "1.3.14.3.2.26", sha256: "2.16.840.1.101.3.4.2.1", sha512: "2.16.840.1.101.3.4.2.3" };
const STATUSES = {
  good: der.implicit(0),
  revoked: der.context(1, der.time(NOW - MINUTE_MS)),
  unknown: der.implicit(2),
};

/** An OCSPResponse about `leaf`, which `ca` has issued. */
export async function ocspAnswer(
  [ca, leaf]: readonly [Entity, Entity],
  forgery: OcspForgery = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { signer = ca, certificates = [], status = "good", more = [], responseStatus = 0 } = forgery;
  const enumerated = der.tlv(0x0a, new Uint8Array([responseStatus]));
  if (responseStatus !== 0) return der.seq(enumerated);
  const responder = forgery.byKey
    ? der.context(2, der.octets(await keyHash(signer, "sha1")))
    : der.context(1, signer.subject);
  const answers = await Promise.all(
    [status, ...more].map((one) => single([ca, leaf], { ...forgery, status: one })),
  );
  const tbs = der.seq(
    responder,
    der.time(NOW),
    der.seq(...answers),
    ...(forgery.extension === undefined ? [] : [der.context(1, der.seq(forgery.extension))]),
  );
  const basic = der.seq(
    tbs,
    ECDSA_SHA256,
    await signature(tbs, signer.keys),
    ...(certificates.length === 0 ? [] : [der.context(0, der.seq(...certificates.map((one) => one.der)))]),
  );
  return der.seq(enumerated, der.context(0, der.seq(der.oid("1.3.6.1.5.5.7.48.1.1"), der.octets(basic))));
}

async function single([ca, leaf]: readonly [Entity, Entity], forgery: OcspForgery): Promise<Uint8Array> {
  const { hash = "sha1", issuer = ca, status = "good" } = forgery;
  const { serial = leaf.certificate.serialNumber, nextUpdate = NOW + 60 * MINUTE_MS } = forgery;
  return der.seq(
    der.seq(
      der.seq(der.oid(HASHES[hash]), der.tlv(0x05)),
      der.octets(digest(issuer.subject, hash)),
      der.octets(await keyHash(issuer, hash)),
      der.int(serial),
    ),
    STATUSES[status],
    der.time(forgery.thisUpdate ?? NOW - MINUTE_MS),
    ...(nextUpdate === null ? [] : [der.context(0, der.time(nextUpdate))]),
  );
}

/** The last 65 bytes of a key on P-256 are its point. */
async function keyHash({ keys }: Entity, hash: string): Promise<Uint8Array> {
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));
  return digest(spki.subarray(-65), hash);
}

function digest(bytes: Uint8Array, hash: string): Uint8Array {
  return createHash(hash).update(bytes).digest();
}

/** An AuthorityInformationAccess extension with these OCSP responders. */
export function informationAccess(...uris: string[]): Uint8Array<ArrayBuffer> {
  const descriptions = uris.map((uri) => der.seq(der.oid("1.3.6.1.5.5.7.48.1"), der.implicit(6, ascii(uri))));
  return extension("1.3.6.1.5.5.7.1.1", der.seq(...descriptions));
}
