import { concatBytes } from "../../base/bytes.ts";

/** A longer packet is none: OpenSSH takes 256 KiB at most. */
const MAX_PACKET_BYTES = 16 * 1024 * 1024;
/** What is kept of a packet: two paths of 4096 characters and what belongs to them fit many times. */
const MAX_HEAD_BYTES = 64 * 1024;
/** What is kept of packets that carry the bytes of files, by type: SSH_FXP_WRITE, SSH_FXP_DATA. */
const HEADS: Readonly<Record<number, number>> = { 6: 277, 103: 9 };

/** Cuts one direction of an SFTP session into packets (draft-ietf-secsh-filexfer-02 section 3), and keeps their heads only. */
export class SftpPackets {
  readonly #onPacket: (head: Uint8Array) => void;
  /** Length and type of the packet under way, then its head, which begins with the type. */
  #parts: Uint8Array[] = [];
  #kept = 0;
  #skip = 0;
  #isBroken = false;

  /** Nothing was seen yet. @param onPacket given each packet from its type on, without its length, cut to 64 KiB or less */
  constructor(onPacket: (head: Uint8Array) => void) {
    this.#onPacket = onPacket;
  }

  /** Whether the bytes are no packets, and no more are looked at. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Goes on with the next bytes. What is kept of them is copied. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#isBroken) {
      if (this.#skip === 0) {
        at += this.#take(bytes.subarray(at));
      } else {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
      }
    }
  }

  /** @returns how many of the bytes it took */
  #take(bytes: Uint8Array): number {
    const taken = Math.min(this.#missing(), bytes.length);
    this.#parts.push(bytes.slice(0, taken));
    this.#kept += taken;
    if (this.#kept < 5) return taken;
    const [length, head] = this.#joined();
    if (length < 1 || length > MAX_PACKET_BYTES) {
      this.#isBroken = true;
      return taken;
    }
    // Length and type are there; now it is known how much of the rest matters.
    const wanted = Math.min(length, HEADS[head[0]!] ?? MAX_HEAD_BYTES);
    if (head.length < wanted) return taken;
    this.#parts = [];
    this.#kept = 0;
    this.#skip = length - wanted;
    this.#onPacket(head);
    return taken;
  }

  #missing(): number {
    if (this.#kept < 5) return 5 - this.#kept;
    const [length, head] = this.#joined();
    return Math.min(length, HEADS[head[0]!] ?? MAX_HEAD_BYTES) - head.length;
  }

  #joined(): [length: number, head: Uint8Array] {
    if (this.#parts.length > 1) this.#parts = [concatBytes(this.#parts)];
    const [whole] = this.#parts;
    const view = new DataView(whole!.buffer, whole!.byteOffset, whole!.byteLength);
    return [view.getUint32(0), whole!.subarray(4)];
  }
}
