import { concatBytes } from "../../base/bytes.ts";
import { SshReader, sshString, sshUint32 } from "../../codec/ssh_wire.ts";

/** Numbers of the messages that matter here (RFC 4250 section 4.1.2). */
export const MESSAGE = {
  disconnect: 1,
  extInfo: 7,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const;

/** The first and the last number that belongs to the connection protocol (RFC 4250 section 4.1.1). */
const CONNECTION_MESSAGES = { first: 80, last: 127 };

/** The global request in which a server tells its other keys: those of a server behind a route are not the gateway's. */
export const HOST_KEYS = "hostkeys-00@openssh.com";

/** A reader behind the number of a message. */
export function afterNumber(payload: Uint8Array): SshReader {
  return new SshReader(payload.subarray(1));
}

/** Whether a message is about channels and global requests. */
export function isOfConnection(payload: Uint8Array): boolean {
  return payload[0]! >= CONNECTION_MESSAGES.first && payload[0]! <= CONNECTION_MESSAGES.last;
}

/** Whether a message is a global request of this name. */
export function isGlobalRequest(payload: Uint8Array, name: string): boolean {
  return payload[0] === MESSAGE.globalRequest && afterNumber(payload).text() === name;
}

/** A message about a channel: its number at the receiver, and what follows. */
export function channelMessage(
  number: number,
  { channel, parts = [] }: { channel: number; parts?: readonly Uint8Array[] },
): Uint8Array {
  return concatBytes([Uint8Array.of(number), sshUint32(channel), ...parts]);
}

/** Text on the standard error of a channel (RFC 4254 section 5.2). */
export function standardError(channel: number, text: string): Uint8Array {
  return channelMessage(MESSAGE.channelExtendedData, { channel, parts: [sshUint32(1), sshString(text)] });
}

/** How a channel ended (RFC 4254 section 6.10). */
export function exitStatus(channel: number, code: number): Uint8Array {
  const parts = [sshString("exit-status"), Uint8Array.of(0), sshUint32(code)];
  return channelMessage(MESSAGE.channelRequest, { channel, parts });
}
