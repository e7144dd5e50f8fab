// @ts-types="@types/ssh2"
import type { Connection } from "ssh2";
import type { Duplex } from "node:stream";
import { concatBytes } from "../base/bytes.ts";
import { sshString, sshUint32 } from "../codec/ssh_wire.ts";

/** A channel of ssh2, or a session that has none yet. */
export interface RawChannel {
  readonly outgoing?: RawWindow;
  readonly _chanInfo?: { readonly outgoing: RawWindow };
}

/** What may be sent on a channel. */
export interface RawWindow {
  readonly id: number;
  window: number;
}

/** What of a message about a channel matters here. */
export interface RawOpening {
  /** Number of the channel at the client. */
  readonly sender: number;
  window: number;
}

/** What ssh2 1.17 keeps to itself, and a server has to reach: texts of disconnects, debug messages, limits. */
export interface RawProtocol {
  readonly _handlers: {
    CHANNEL_OPEN(protocol: RawProtocol, opening: RawOpening): void;
    CHANNEL_OPEN_CONFIRMATION(protocol: RawProtocol, opening: RawOpening): void;
    CHANNEL_WINDOW_ADJUST(protocol: RawProtocol, channel: number, amount: number): void;
  };
  readonly _kexinit: unknown;
  readonly _kex: { remoteExtInfoEnabled: boolean } | undefined;
  readonly _strictMode: boolean | undefined;
  readonly _destruct: unknown;
  readonly _cipher: { encrypt(packet: Uint8Array): void };
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      readonly allocStartKEX: number;
      alloc(length: number, isForced?: boolean): Uint8Array;
      finalize(packet: Uint8Array, isForced?: boolean): Uint8Array;
    };
  };
  _queue: Uint8Array[] | undefined;
  _onWrite(data: Uint8Array): void;
  _onHandshakeComplete(negotiated: unknown): void;
  channelOpenFail(channel: number, reason: number, text: string): void;
}

/** A connection of ssh2 with what it keeps to itself. */
export interface RawClient {
  readonly _sock: Duplex;
  readonly _protocol: RawProtocol;
  readonly _chanMgr: { readonly _count: number; readonly _channels: Readonly<Record<string, RawChannel>> };
}

const SSH_MSG_DISCONNECT = 1;
const SSH_MSG_IGNORE = 2;
const SSH_MSG_DEBUG = 4;
const SSH_MSG_EXT_INFO = 7;
const SSH_MSG_USERAUTH_BANNER = 53;

/** Signatures of clients that are taken (RFC 8308 section 3.1). ssh2 would name SHA-1, and forget one. */
const SIGNATURES = [
  "ssh-ed25519",
  "sk-ssh-ed25519@openssh.com",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ecdsa-sha2-nistp256@openssh.com",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** What ssh2 keeps to itself of a connection. */
export function rawOf(connection: Connection): RawClient {
  return connection as unknown as RawClient;
}

/** Ends a connection with a sentence (RFC 4253 section 11.1), at any time. ssh2 can send none. */
export function sendDisconnect(connection: Connection, reason: number, text: string): void {
  send(
    connection,
    [Uint8Array.of(SSH_MSG_DISCONNECT), sshUint32(reason), sshString(text), sshString("")],
    true,
  );
}

/** A line that the client shows (RFC 4253 section 11.3). */
export function sendDebug(connection: Connection, text: string): void {
  send(connection, [Uint8Array.of(SSH_MSG_DEBUG, 1), sshString(text), sshString("")]);
}

/** Nothing, to keep what lies between from forgetting the connection (RFC 4253 section 11.2). */
export function sendIgnore(connection: Connection): void {
  send(connection, [Uint8Array.of(SSH_MSG_IGNORE), sshString("")]);
}

/** A text that the client shows before it is signed in (RFC 4252 section 5.4). */
export function sendBanner(connection: Connection, text: string): void {
  send(connection, [Uint8Array.of(SSH_MSG_USERAUTH_BANNER), sshString(text), sshString("")]);
}

/** Tells a client which signatures it may make, in place of what ssh2 would tell it. Call before the key exchange. */
export function tellSignatures(connection: Connection): void {
  const protocol = rawOf(connection)._protocol;
  const complete = protocol._onHandshakeComplete;
  let isFirst = true;
  protocol._onHandshakeComplete = (negotiated) => {
    if (isFirst && protocol._kex?.remoteExtInfoEnabled) {
      protocol._kex.remoteExtInfoEnabled = false;
      const names = sshString(SIGNATURES.join(","));
      send(connection, [Uint8Array.of(SSH_MSG_EXT_INFO), sshUint32(1), sshString("server-sig-algs"), names]);
    }
    isFirst = false;
    complete(negotiated);
  };
}

/** Refuses a channel with a sentence. @param reject as ssh2 hands it over */
export function refuseChannel(
  connection: Connection,
  reject: () => void,
  { reason, text }: { reason: number; text: string },
): void {
  const protocol = rawOf(connection)._protocol as Partial<RawProtocol>;
  if (protocol._destruct === undefined) return;
  const fail = protocol.channelOpenFail!;
  protocol.channelOpenFail = (channel) => fail.call(protocol as RawProtocol, channel, reason, text);
  try {
    reject();
  } finally {
    delete protocol.channelOpenFail;
  }
}

function send(connection: Connection, parts: readonly Uint8Array[], isForced = false): void {
  const protocol = rawOf(connection)._protocol;
  if (protocol._destruct === undefined) return;
  const payload = concatBytes(parts);
  const { write } = protocol._packetRW;
  const packet = write.alloc(payload.length, isForced);
  packet.set(payload, isForced ? write.allocStartKEX : write.allocStart);
  const final = write.finalize(packet, isForced);
  // As ssh2 does it: between two keys only what belongs to their exchange is sent.
  if (isForced || protocol._kexinit === undefined) protocol._cipher.encrypt(final);
  else (protocol._queue ??= []).push(final);
}
