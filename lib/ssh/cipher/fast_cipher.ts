import { Buffer } from "node:buffer";
import {
  LENGTH_BYTES,
  MIN_PADDING_BYTES,
  type PacketMachine,
  PADDED_TO_BYTES,
  TAG_BYTES,
} from "./packet_machine.ts";
import { Slabs } from "./_slabs.ts";

const RANDOM_POOL_BYTES = 4096;

/** What ssh2 1.17 makes of the keys for what is sent, when it has no native code. */
export interface Ssh2Cipher {
  /** The key of packets. */
  readonly _encKeyMain: Uint8Array;
  /** The key of their lengths. */
  readonly _encKeyPktLen: Uint8Array;
  /** Sends what is encrypted. */
  readonly _onWrite: (data: Uint8Array) => void;
  /** Number of the next packet. */
  readonly outSeqno: number;
}

/** Sends packets, with the properties that ssh2 expects. */
export class FastCipher {
  /** Number of the next packet. */
  outSeqno: number;
  readonly #onWrite: (data: Uint8Array) => void;
  readonly #keys: Uint8Array;
  readonly #machine: PacketMachine;
  readonly #padding: RandomBytes;
  readonly #slabs = new Slabs();
  #isOver = false;

  /** Takes the keys of one that ssh2 made. */
  constructor(
    { _encKeyMain, _encKeyPktLen, _onWrite, outSeqno }: Ssh2Cipher,
    { machine, padding }: { machine: PacketMachine; padding: RandomBytes },
  ) {
    this.#keys = Buffer.concat([_encKeyMain, _encKeyPktLen]);
    this.#onWrite = _onWrite;
    this.outSeqno = outSeqno;
    this.#machine = machine;
    this.#padding = padding;
  }

  /** Sends nothing more. */
  free(): void {
    this.#isOver = true;
    this.#keys.fill(0);
  }

  /** A packet with room for a payload behind its first five bytes, and for a tag at its end. */
  allocPacket(payloadBytes: number): Buffer {
    const short = PADDED_TO_BYTES - (1 + payloadBytes) % PADDED_TO_BYTES;
    const padding = short < MIN_PADDING_BYTES ? short + PADDED_TO_BYTES : short;
    const bytes = 1 + payloadBytes + padding;
    const packet = this.#slabs.room(LENGTH_BYTES + bytes + TAG_BYTES);
    packet.writeUInt32BE(bytes);
    packet[LENGTH_BYTES] = padding;
    packet.set(this.#padding.next(padding), LENGTH_BYTES + 1 + payloadBytes);
    return packet;
  }

  /** Encrypts a packet in its place, and sends it. */
  encrypt(packet: Uint8Array): void {
    if (this.#isOver) return;
    this.#machine.seal(this.#keys, { sequence: this.outSeqno, packet });
    this.#onWrite(packet);
    this.outSeqno = (this.outSeqno + 1) >>> 0;
  }
}

/** Random bytes, of which the system is asked for many at once. */
export class RandomBytes {
  readonly #pool = new Uint8Array(RANDOM_POOL_BYTES);
  #used = RANDOM_POOL_BYTES;

  /** Bytes that are there until the next are asked for. @param count up to 4,096 */
  next(count: number): Uint8Array {
    if (this.#used + count > RANDOM_POOL_BYTES) {
      crypto.getRandomValues(this.#pool);
      this.#used = 0;
    }
    return this.#pool.subarray(this.#used, this.#used += count);
  }
}
