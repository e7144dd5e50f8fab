import { generateKeyPair, generateKeyPairSync, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { decodeBase64 } from "../base/bytes.ts";
import { SallyportError } from "../base/errors.ts";
import { systemRandom } from "../base/random.ts";
import { writeSshPrivateKey } from "../codec/write_ssh_private_key.ts";
import { CodecError } from "../codec/codec_error.ts";
import { parseSshPrivateKey } from "../codec/parse_ssh_private_key.ts";
import { formatSshKey, sshFingerprint, sshKeyType } from "../codec/ssh_public_key.ts";
import { sshSigner } from "../codec/ssh_signer.ts";

/** Why a key of the server cannot be used. */
export type SshKeyErrorCode = "ssh/bad-key" | "ssh/weak-key";

/** A private key that the operator has given cannot be used. */
export class SshKeyError extends SallyportError {
  /** An error of one key. @param message which, and what is wrong with it; nothing of the key itself */
  constructor(readonly code: SshKeyErrorCode, message: string, options?: { hint?: string }) {
    super(message, options);
  }
}

/** A private key that can be used. */
export interface SshPrivateKey {
  /** For ssh2: a secret. */
  readonly pem: string;
  /** Such as `ssh-ed25519`. */
  readonly type: string;
  /** In wire format. */
  readonly publicKey: Uint8Array;
  /** Such as `SHA256:…`. */
  readonly fingerprint: string;
  /** As in a `.pub` file. */
  readonly line: string;
}

/** Kinds of keys that we make. No ECDSA: its curves are under suspicion, and nobody needs it beside these. */
export type MadeKeyType = "ed25519" | "rsa";

const generate = promisify(generateKeyPair);
const MIN_RSA_BITS = 2048;
const RSA_BITS = 3072;

/**
 * Reads a private key of OpenSSH or PEM that has no passphrase.
 *
 * @param options `source`: where it came from, for the message
 * @throws {SshKeyError} `ssh/bad-key`, `ssh/weak-key`
 */
export function readPrivateKey(pem: string, { source }: { source: string }): SshPrivateKey {
  const key = keyOf(pem);
  if (key === null) {
    throw new SshKeyError(
      "ssh/bad-key",
      `Cannot use ${source}: it is not a private key of SSH without passphrase`,
      {
        hint: "make one with: ssh-keygen -t ed25519 -N '' -f FILE",
      },
    );
  }
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = key;
  if (kind === "rsa" && (details?.modulusLength ?? 0) < MIN_RSA_BITS) {
    throw new SshKeyError("ssh/weak-key", `Cannot use ${source}: RSA needs ${MIN_RSA_BITS} bits or more`, {
      hint: "make another with: ssh-keygen -t ed25519 -N '' -f FILE",
    });
  }
  const { publicKey } = sshSigner(key);
  const [type, fingerprint, line] = [
    sshKeyType(publicKey),
    sshFingerprint(publicKey),
    formatSshKey(publicKey),
  ];
  return { pem: pemFor(key), type, publicKey, fingerprint, line };
}

/**
 * Reads a private key that the server proves itself with: as {@link readPrivateKey}, without P-521, which ssh2 cannot do here.
 *
 * @throws {SshKeyError} `ssh/bad-key`, `ssh/weak-key`
 */
export function readHostKey(pem: string, { source }: { source: string }): SshPrivateKey {
  const key = readPrivateKey(pem, { source });
  if (key.type !== "ecdsa-sha2-nistp521") return key;
  throw new SshKeyError("ssh/bad-key", `Cannot use ${source}: a key over P-521 is not taken here`, {
    hint: "make another with: ssh-keygen -t ed25519 -N '' -f FILE",
  });
}

function keyOf(pem: string): KeyObject | null {
  try {
    const key = parseSshPrivateKey(pem);
    sshSigner(key);
    return key;
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

/** A key as ssh2 reads it: of what OpenSSH writes it does not understand every other key of ECDSA. */
function pemFor(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return key.export({ type: "pkcs1", format: "pem" }) as string;
    case "ec":
      return key.export({ type: "sec1", format: "pem" }) as string;
    default:
      return openSshText(key);
  }
}

/** A fresh private key that `ssh-keygen` reads: a secret. */
export async function makePrivateKey(type: MadeKeyType): Promise<string> {
  if (type === "rsa") {
    const { privateKey } = await generate("rsa", { modulusLength: RSA_BITS });
    return privateKey.export({ type: "pkcs1", format: "pem" }) as string;
  }
  return openSshText(generateKeyPairSync("ed25519").privateKey);
}

/** ssh2 would write one, too, but drops the zeros that it may begin with. */
function openSshText(key: KeyObject): string {
  const { d, x } = key.export({ format: "jwk" });
  const [seed, publicKey] = [decodeBase64(d!)!, decodeBase64(x!)!];
  return writeSshPrivateKey({ seed, publicKey, check: systemRandom.bytes(4) });
}
