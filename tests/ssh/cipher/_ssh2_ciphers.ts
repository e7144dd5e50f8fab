import { Buffer } from "node:buffer";
import { createRequire } from "node:module";

const CHACHA = "chacha20-poly1305@openssh.com";

interface Cipher {
  allocPacket(payloadBytes: number): Buffer;
  encrypt(packet: Uint8Array): void;
}

interface Ssh2Crypto {
  readonly CIPHER_INFO: Readonly<Record<string, unknown>>;
  readonly init: Promise<void>;
  createCipher(config: { outbound: Record<string, unknown> }): Cipher;
  createDecipher(config: { inbound: Record<string, unknown> }): unknown;
}

const crypto = createRequire(import.meta.url)("ssh2/lib/protocol/crypto.js") as Ssh2Crypto;
await crypto.init;

/** Keys of one direction, and the number of the first packet. */
export interface Ssh2Keys {
  readonly keys: Uint8Array;
  readonly sequence: number;
}

/** The cipher that ssh2 has of its own. */
export function ssh2Cipher(
  { keys, sequence, onWrite }: Ssh2Keys & { onWrite: (data: Uint8Array) => void },
): Cipher {
  return crypto.createCipher({
    outbound: {
      seqno: sequence,
      onWrite,
      cipherInfo: crypto.CIPHER_INFO[CHACHA],
      cipherKey: Buffer.from(keys),
    },
  });
}

/** The decipher that ssh2 has of its own. */
export function ssh2Decipher(
  { keys, sequence, onPayload }: Ssh2Keys & { onPayload: (data: Uint8Array) => unknown },
) {
  return crypto.createDecipher({
    inbound: {
      seqno: sequence,
      onPayload,
      decipherInfo: crypto.CIPHER_INFO[CHACHA],
      decipherKey: Buffer.from(keys),
    },
  });
}

/** A packet as ssh2 makes it, and what it was before it was encrypted: length and body. */
export function sealedBySsh2(
  { payload, ...keys }: Ssh2Keys & { payload: Uint8Array },
): { packet: Buffer; plain: Buffer } {
  const written: Uint8Array[] = [];
  const cipher = ssh2Cipher({ ...keys, onWrite: (data) => written.push(Buffer.from(data)) });
  const packet = cipher.allocPacket(payload.length);
  packet.set(payload, 5);
  const plain = Buffer.from(packet);
  cipher.encrypt(packet);
  return { packet: Buffer.concat(written), plain };
}
