// @ts-types="@types/ssh2"
import type { Client, Connection } from "ssh2";
import { FastCipher, RandomBytes, type Ssh2Cipher } from "./cipher/fast_cipher.ts";
import { FastDecipher, type Ssh2Decipher } from "./cipher/fast_decipher.ts";
import { PacketMachine } from "./cipher/packet_machine.ts";
import { SshSocket } from "./ssh_socket.ts";

const KEY_BYTES = 32;

/** What ssh2 1.17 keeps to itself of either end of a connection, and has to be reached to encrypt in its place. */
interface RawEnd {
  readonly _protocol: object;
  readonly _sock: unknown;
}

/** Has connections of ssh2 encrypt by chacha20-poly1305@openssh.com with less than ssh2 needs for it. */
export class FastCiphers {
  /** Made for the first connection; `null`: it cannot be made. */
  #machine: PacketMachine | null | undefined;
  readonly #padding = new RandomBytes();

  /**
   * Takes over what ssh2 makes for this cipher, from the next key exchange on. What does not look like that of ssh2 1.17 stays
   * as it is: then ssh2 encrypts itself.
   */
  use(end: Client | Connection): void {
    if (this.#machine === undefined) this.#machine = machineOrNone();
    const machine = this.#machine;
    if (machine === null) return;
    const { _protocol: protocol, _sock: socket } = end as unknown as RawEnd;
    replace(protocol, "_cipher", (made) => {
      return isCipher(made) ? new FastCipher(made, { machine, padding: this.#padding }) : made;
    });
    replace(protocol, "_decipher", (made) => {
      const decipher = isDecipher(made) ? new FastDecipher(made, machine) : null;
      if (socket instanceof SshSocket) socket.lends = decipher !== null;
      return decipher ?? made;
    });
  }
}

function machineOrNone(): PacketMachine | null {
  try {
    return new PacketMachine();
  } catch {
    // WebAssembly without SIMD.
    return null;
  }
}

/** Has a property hold something else than what it is given. */
function replace(target: object, name: string, instead: (made: unknown) => unknown): void {
  let value: unknown = Reflect.get(target, name);
  Object.defineProperty(target, name, { get: () => value, set: (made) => value = instead(made) });
}

function isCipher(made: unknown): made is Ssh2Cipher {
  const { _encKeyMain, _encKeyPktLen, _onWrite, outSeqno } = (made ?? {}) as Partial<Ssh2Cipher>;
  return [_encKeyMain, _encKeyPktLen].every(isKey) && typeof _onWrite === "function" &&
    typeof outSeqno === "number";
}

function isDecipher(made: unknown): made is Ssh2Decipher {
  const { _decKeyMain, _decKeyPktLen, _onPayload, inSeqno } = (made ?? {}) as Partial<Ssh2Decipher>;
  return [_decKeyMain, _decKeyPktLen].every(isKey) && typeof _onPayload === "function" &&
    typeof inSeqno === "number";
}

function isKey(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === KEY_BYTES;
}
