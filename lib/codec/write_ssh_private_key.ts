import { Buffer } from "node:buffer";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { sshString, sshUint32 } from "./ssh_wire.ts";

const MAGIC = "openssh-key-v1\0";
/** Without a cipher what is padded is padded to this. */
const BLOCK_BYTES = 8;
const LINE = 70;

/**
 * Writes an Ed25519 key as `ssh-keygen` does without passphrase (PROTOCOL.key of OpenSSH).
 *
 * @param options `seed`: the private key (RFC 8032 section 5.1.5), `publicKey`: both 32 bytes; `check`: 4 random bytes, which
 * tell who decrypts a key whether that went right
 */
export function writeSshPrivateKey(
  { seed, publicKey, check }: { seed: Uint8Array; publicKey: Uint8Array; check: Uint8Array },
): string {
  const type = sshString("ssh-ed25519");
  const secret = concatBytes([
    check,
    check,
    type,
    sshString(publicKey),
    sshString(concatBytes([seed, publicKey])),
    sshString(""),
  ]);
  const padding = Uint8Array.from({ length: -secret.length & (BLOCK_BYTES - 1) }, (_, index) => index + 1);
  const bytes = concatBytes([
    utf8(MAGIC),
    sshString("none"),
    sshString("none"),
    sshString(""),
    sshUint32(1),
    sshString(concatBytes([type, sshString(publicKey)])),
    sshString(concatBytes([secret, padding])),
  ]);
  const lines = Buffer.from(bytes).toString("base64").match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join(
    "\n",
  );
}
