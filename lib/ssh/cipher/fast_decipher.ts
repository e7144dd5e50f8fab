import { Buffer } from "node:buffer";
import {
  LENGTH_BYTES,
  MIN_PADDING_BYTES,
  type PacketMachine,
  PADDED_TO_BYTES,
  TAG_BYTES,
} from "./packet_machine.ts";
import { Scratch } from "../scratch.ts";
import { Slabs } from "./_slabs.ts";

/** The longest body that is taken, which is what ssh2 takes. */
const MAX_BYTES = 35_000;

/** What is done with a payload: `false` and a number say where in the input ssh2 goes on. */
export interface OnPayload {
  /** Takes a payload. */
  (payload: Uint8Array): unknown;
  /** Whether it has done with a payload when it returns: the next one may take its place in memory. */
  borrows?: boolean;
}

/** What ssh2 1.17 makes of the keys for what comes, when it has no native code. */
export interface Ssh2Decipher {
  /** The key of packets. */
  readonly _decKeyMain: Uint8Array;
  /** The key of their lengths. */
  readonly _decKeyPktLen: Uint8Array;
  /** Takes what comes. */
  readonly _onPayload: OnPayload;
  /** Number of the next packet. */
  readonly inSeqno: number;
}

/** Receives packets, with the properties that ssh2 expects. */
export class FastDecipher {
  /** Number of the next packet. */
  inSeqno: number;
  /** Called with each payload. */
  _onPayload: OnPayload;
  readonly #keys: Uint8Array;
  readonly #machine: PacketMachine;
  readonly #slabs = new Slabs();
  readonly #lent = new Scratch();
  /** The beginning of a packet, the rest of which has not come. */
  #early = new Uint8Array(0);
  readonly #room = new Scratch();
  #earlyBytes = 0;
  /** Of the body of the packet that comes; 0: not known yet. */
  #bytes = 0;

  /** Takes the keys of one that ssh2 made. */
  constructor({ _decKeyMain, _decKeyPktLen, _onPayload, inSeqno }: Ssh2Decipher, machine: PacketMachine) {
    this.#keys = Buffer.concat([_decKeyMain, _decKeyPktLen]);
    this._onPayload = _onPayload;
    this.inSeqno = inSeqno;
    this.#machine = machine;
  }

  /** Receives nothing more. */
  free(): void {
    this.#keys.fill(0);
  }

  /**
   * Takes in what has come.
   *
   * @returns where ssh2 is to go on; `undefined`: all of it is taken
   * @throws {Error} when it is no packet of the other end
   */
  decrypt(data: Uint8Array, from: number, end: number): unknown {
    for (let at = from; at < end;) {
      if (this.#bytes === 0) {
        const isHere = this.#earlyBytes === 0 && end - at >= LENGTH_BYTES;
        if (!isHere) at = this.#keep(data, { at, end, wanted: LENGTH_BYTES });
        if (!isHere && this.#earlyBytes < LENGTH_BYTES) return;
        this.#bytes = isHere ? this.#lengthAt(data, at) : this.#lengthAt(this.#early, 0);
      }
      const wanted = LENGTH_BYTES + this.#bytes + TAG_BYTES;
      const isHere = this.#earlyBytes === 0 && end - at >= wanted;
      if (!isHere) at = this.#keep(data, { at, end, wanted });
      if (!isHere && this.#earlyBytes < wanted) return;
      const payload = isHere ? this.#open(data, at) : this.#open(this.#early, 0);
      if (isHere) at += wanted;
      const next = this._onPayload(payload);
      if (next !== undefined) return next === false ? at : next;
    }
  }

  /** Keeps what there is of the first bytes of a packet. @returns where the input goes on behind that */
  #keep(data: Uint8Array, { at, end, wanted }: { at: number; end: number; wanted: number }): number {
    const room = this.#room.room(wanted);
    if (room !== this.#early) room.set(this.#early.subarray(0, this.#earlyBytes));
    this.#early = room;
    const stop = Math.min(end, at + wanted - this.#earlyBytes);
    this.#early.set(data.subarray(at, stop), this.#earlyBytes);
    this.#earlyBytes += stop - at;
    return stop;
  }

  #lengthAt(data: Uint8Array, at: number): number {
    const bytes = this.#machine.lengthOf(this.#keys, { sequence: this.inSeqno, data, at });
    if (bytes < PADDED_TO_BYTES || bytes > MAX_BYTES || bytes % PADDED_TO_BYTES !== 0) {
      throw new Error("Bad packet length");
    }
    return bytes;
  }

  #open(data: Uint8Array, at: number): Buffer {
    const body = this.#machine.open(this.#keys, { sequence: this.inSeqno, data, at, bytes: this.#bytes });
    if (body === null) throw new Error("Invalid MAC");
    const padding = body[0]!;
    if (padding < MIN_PADDING_BYTES || padding >= body.length) throw new Error("Bad padding length");
    this.inSeqno = (this.inSeqno + 1) >>> 0;
    this.#bytes = 0;
    this.#earlyBytes = 0;
    return this.#takeOut(body.subarray(1, body.length - padding));
  }

  /** Even what is borrowed leaves the memory of the machine: what is sent before it is read would overwrite it there. */
  #takeOut(payload: Uint8Array): Buffer {
    const { length } = payload;
    const room = this._onPayload.borrows
      ? Buffer.from(this.#lent.room(length).buffer, 0, length)
      : this.#slabs.room(length);
    room.set(payload);
    return room;
  }
}
