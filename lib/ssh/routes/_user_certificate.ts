import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { encodeSshCertificate } from "../../codec/ssh_certificate.ts";
import { type SshSigner, sshSigner } from "../../codec/ssh_signer.ts";
import { sshKeyType } from "../../codec/ssh_public_key.ts";

const CERTIFICATE_SUFFIX = "-cert-v01@openssh.com";
const VALID_BEFORE_MS = 60_000;
const VALID_FOR_MS = 3_600_000;
const NONCE_BYTES = 32;
const RSA_BITS = 2048;

/** What a user may do with it (PROTOCOL.certkeys of OpenSSH): whatever the server allows. */
const EXTENSIONS = [
  "permit-X11-forwarding",
  "permit-agent-forwarding",
  "permit-port-forwarding",
  "permit-pty",
  "permit-user-rc",
];

/** Kinds of keys, the one to be preferred first, by the signatures that they make. */
const KINDS = [
  { algorithm: "ssh-ed25519", generate: () => promisify(generateKeyPair)("ed25519") },
  ...(["256", "384", "521"] as const).map((size) => ({
    algorithm: `ecdsa-sha2-nistp${size}`,
    generate: () => promisify(generateKeyPair)("ec", { namedCurve: `P-${size}` }),
  })),
  {
    algorithm: "rsa-sha2-512",
    generate: () => promisify(generateKeyPair)("rsa", { modulusLength: RSA_BITS }),
  },
] satisfies { algorithm: string; generate: () => Promise<{ privateKey: KeyObject }> }[];

/** A certificate, and what proves that it is ours. */
export interface UserCertificate {
  /** In wire format. */
  readonly blob: Uint8Array;
  /** What a sign-in names it by, such as `ssh-ed25519-cert-v01@openssh.com`; with RSA it names the hash, too. */
  readonly algorithm: string;
  /** Signs with the key that is certified. */
  readonly signer: SshSigner;
}

/** A kind of keys. */
export type KeyKind = (typeof KINDS)[number];

/** What is certified, and by whom. */
export interface CertificateOptions {
  /** Signs it. */
  readonly authority: SshSigner;
  /** The only name that it is for. */
  readonly username: string;
  /** Of which kind the key is to be. */
  readonly kind: KeyKind;
  /** For its validity: from a minute ago, for an hour. */
  readonly clock: Clock;
  /** For the nonce in it. */
  readonly random: Random;
}

/**
 * The kinds of keys that a server may take, the one to be preferred first.
 *
 * @param signatures that it says to take (RFC 8308 section 3.1); `null`: it says none
 */
export function kindsFor(signatures: readonly string[] | null): readonly KeyKind[] {
  const named = KINDS.filter(({ algorithm }) =>
    signatures?.includes(algorithm) || signatures?.includes(algorithm + CERTIFICATE_SUFFIX)
  );
  return named.length > 0 ? named : KINDS;
}

/** Makes a key, and a certificate for it that names one user: for one connection, and kept nowhere. */
export async function mintUserCertificate(options: CertificateOptions): Promise<UserCertificate> {
  const { authority, username, kind, clock, random } = options;
  const { privateKey } = await kind.generate();
  const signer = sshSigner(privateKey);
  const now = clock.now();
  const blob = encodeSshCertificate({
    publicKey: signer.publicKey,
    serial: 1n,
    type: "user",
    keyId: "",
    principals: [username],
    validAfter: secondsOf(now - VALID_BEFORE_MS),
    validBefore: secondsOf(now + VALID_FOR_MS),
    criticalOptions: new Map(),
    extensions: new Map(EXTENSIONS.map((name) => [name, new Uint8Array()])),
  }, {
    nonce: random.bytes(NONCE_BYTES),
    authorityKey: authority.publicKey,
    sign: (bytes) => authority.sign(bytes),
  });
  const isRsa = sshKeyType(signer.publicKey) === "ssh-rsa";
  const name = isRsa ? signer.algorithm : sshKeyType(signer.publicKey);
  return { blob, algorithm: `${name}${CERTIFICATE_SUFFIX}`, signer };
}

function secondsOf(ms: number): bigint {
  return BigInt(Math.floor(ms / 1000));
}
