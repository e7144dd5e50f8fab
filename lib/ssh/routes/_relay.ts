import type { TunnelCounters } from "../../tunnel/registry.ts";
import { sshString, sshUint32 } from "../../codec/ssh_wire.ts";
import { CHANNEL_REFUSAL } from "../reasons.ts";
import {
  afterNumber,
  channelMessage,
  HOST_KEYS,
  isGlobalRequest,
  isOfConnection,
  MESSAGE,
} from "./_messages.ts";
import type { PayloadPort } from "./_payload_port.ts";

/** Packets with more than this are not taken by ssh2. */
const MAX_PACKET_BYTES = 32 * 1024;
/** Channels that are open at once, whoever opens them: as many as where the gateway serves them itself. */
const MAX_CHANNELS = 1024;
/** Number of the message, and the number of the channel; `string` before the data. */
const DATA_HEAD = 1 + 4 + 4;
const EXTENDED_DATA_HEAD = DATA_HEAD + 4;

/** What becomes of a message: it goes on, it does not, or that takes time to find out. */
export type Verdict = boolean | Promise<boolean>;

/** Who looks at the messages on their way, and can keep them from going on. */
export interface RelayWatcher {
  /** A message of the client. Must copy what it keeps. */
  fromClient(payload: Uint8Array): Verdict;
  /** A message of the server of the route. */
  fromServer(payload: Uint8Array): boolean;
}

/** The two ends of a session, and what is made of what passes. */
export interface RelayOptions {
  /** Where the client is. */
  readonly client: PayloadPort;
  /** Where the server of the route is. */
  readonly server: PayloadPort;
  /** Told of the data of channels. */
  readonly counters: TunnelCounters;
  /** Sees everything; `null`: nobody does. */
  readonly watcher: RelayWatcher | null;
}

/**
 * Passes the messages about channels and global requests between two connections, as they are: numbers of channels,
 * windows, requests and their answers are agreed on by the two ends themselves, as if there were nobody between them. So what
 * one end opens for data of a channel bounds what the other sends, and what waits here is bounded for each connection.
 */
export class Relay {
  readonly #up: OneWay;
  readonly #down: OneWay;
  /** Channels that were asked for, were opened, and were refused; messages that close one end of them. */
  readonly #count = { asked: 0, opened: 0, refused: 0, closings: 0 };

  /** Begins with what comes from now on. */
  constructor({ client, server, counters, watcher }: RelayOptions) {
    const see = (payload: Uint8Array): number => {
      limitPacketSize(payload);
      this.#countChannels(payload);
      return dataBytes(payload);
    };
    this.#up = new OneWay({
      from: client,
      to: server,
      pass: (payload) => {
        if (payload[0] === MESSAGE.channelOpen && this.#isFull) {
          client.send(tooManyChannels(payload));
          return false;
        }
        counters.bytesUp += see(payload);
        return watcher?.fromClient(payload) ?? true;
      },
    });
    this.#down = new OneWay({
      from: server,
      to: client,
      pass: (payload) => {
        if (isGlobalRequest(payload, HOST_KEYS)) return false;
        if (payload[0] === MESSAGE.channelOpen && this.#isFull) {
          server.send(tooManyChannels(payload));
          return false;
        }
        counters.bytesDown += see(payload);
        return watcher?.fromServer(payload) ?? true;
      },
    });
  }

  /** Whether no channel is open. */
  get isIdle(): boolean {
    return this.#count.closings >= 2 * this.#count.opened;
  }

  /** Whether no channel more may be opened: one counts until it is refused, or both ends have closed it. */
  get #isFull(): boolean {
    const { asked, refused, closings } = this.#count;
    return asked - refused - Math.floor(closings / 2) >= MAX_CHANNELS;
  }

  #countChannels(payload: Uint8Array): void {
    switch (payload[0]) {
      case MESSAGE.channelOpen:
        this.#count.asked++;
        break;
      case MESSAGE.channelOpenConfirmation:
        this.#count.opened++;
        break;
      case MESSAGE.channelOpenFailure:
        this.#count.refused++;
        break;
      case MESSAGE.channelClose:
        this.#count.closings++;
        break;
    }
  }

  /** Treats a message of the server that had come before. */
  replay(payload: Uint8Array): void {
    this.#down.take(payload);
  }

  /** Passes nothing more on, and lets go of both ends. */
  stop(): void {
    this.#up.stop();
    this.#down.stop();
  }
}

class OneWay {
  readonly #from: PayloadPort;
  readonly #to: PayloadPort;
  readonly #pass: (payload: Uint8Array) => Verdict;
  /** Messages that came while one is being thought about; `null`: none is. */
  #waiting: Uint8Array[] | null = null;

  constructor({ from, to, pass }: {
    from: PayloadPort;
    to: PayloadPort;
    pass: (payload: Uint8Array) => Verdict;
  }) {
    this.#from = from;
    this.#to = to;
    this.#pass = pass;
    from.onPayload = (payload) => {
      if (!isOfConnection(payload)) return false;
      this.take(payload);
      return true;
    };
    to.onRoom = () => this.#breathe();
  }

  take(payload: Uint8Array): void {
    // What was read from the network before it was held is little.
    if (this.#waiting !== null) return void this.#waiting.push(new Uint8Array(payload));
    const verdict = this.#pass(payload);
    if (typeof verdict !== "boolean") return void this.#wait(new Uint8Array(payload), verdict);
    if (verdict) this.#to.send(payload);
    if (this.#to.isFull) this.#from.hold(true);
  }

  stop(): void {
    this.#from.onPayload = null;
    this.#to.onRoom = () => {};
    this.#waiting = null;
    this.#from.hold(false);
  }

  async #wait(payload: Uint8Array, verdict: Promise<boolean>): Promise<void> {
    const waiting: Uint8Array[] = this.#waiting = [];
    this.#from.hold(true);
    const passes = await verdict;
    if (this.#waiting !== waiting) return;
    if (passes) this.#to.send(payload);
    this.#waiting = null;
    try {
      for (const later of waiting) this.take(later);
      this.#breathe();
    } catch {
      // As when ssh2 hands over what cannot be read.
      this.#from.destroy();
    }
  }

  #breathe(): void {
    if (this.#waiting === null && !this.#to.isFull) this.#from.hold(false);
  }
}

/** The bytes of a channel that a message carries. */
function dataBytes(payload: Uint8Array): number {
  if (payload[0] === MESSAGE.channelData) return Math.max(0, payload.length - DATA_HEAD);
  if (payload[0] === MESSAGE.channelExtendedData) return Math.max(0, payload.length - EXTENDED_DATA_HEAD);
  return 0;
}

/** Refuses a channel to whoever asks for it with this message (RFC 4254 section 5.1). */
function tooManyChannels(payload: Uint8Array): Uint8Array {
  const reader = afterNumber(payload);
  reader.bytes();
  const parts = [
    sshUint32(CHANNEL_REFUSAL.resourceShortage),
    sshString("Too many channels are open"),
    sshString(""),
  ];
  return channelMessage(MESSAGE.channelOpenFailure, { channel: reader.uint32(), parts });
}

/** Who opens a channel, or takes one, says how large a packet may be (RFC 4254 section 5.1). */
function limitPacketSize(payload: Uint8Array): void {
  const { channelOpen, channelOpenConfirmation } = MESSAGE;
  if (payload[0] !== channelOpen && payload[0] !== channelOpenConfirmation) return;
  const reader = afterNumber(payload);
  if (payload[0] === channelOpen) reader.bytes();
  else reader.uint32();
  reader.uint32();
  reader.uint32();
  const at = 1 + reader.offset;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (view.getUint32(at) > MAX_PACKET_BYTES) view.setUint32(at, MAX_PACKET_BYTES);
}
