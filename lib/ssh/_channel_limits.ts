// @ts-types="@types/ssh2"
import type { Connection } from "ssh2";
import { type RawChannel, rawOf, type RawWindow } from "./_protocol.ts";
import { CHANNEL_REFUSAL } from "./reasons.ts";

/** A channel gets so much of its window at once, the rest when that is used and the client reads. */
const GRANT_BYTES = 512 * 1024;
/** With so much waiting for the client to read, no channel gets more. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * Bounds the channels of a connection, and what waits in memory for a client that does not read: ssh2 takes for a channel what
 * fits into its window, which may be 4 GiB, whether the connection takes it or not. Call before the key exchange.
 */
export function limitChannels(connection: Connection, { maxChannels }: { maxChannels: number }): void {
  const { _protocol: protocol, _chanMgr: manager, _sock: socket } = rawOf(connection);
  const handlers = protocol._handlers;
  const { CHANNEL_OPEN: open, CHANNEL_OPEN_CONFIRMATION: confirm, CHANNEL_WINDOW_ADJUST: adjust } = handlers;
  /** Windows that clients have opened, and we have not used, by channel at the client. */
  const credits = new Map<number, number>();

  const grantOf = (id: number, window: number): number => {
    const grant = Math.min(window, GRANT_BYTES);
    if (window > grant) credits.set(id, (credits.get(id) ?? 0) + window - grant);
    return grant;
  };
  const refill = () => {
    if (credits.size === 0 || !socket.writable || socket.writableLength > MAX_WAITING_BYTES) return;
    const live = new Set<number>();
    for (const [channel, entry] of Object.entries(manager._channels)) {
      const outgoing = windowOf(entry);
      const credit = outgoing === null ? 0 : credits.get(outgoing.id) ?? 0;
      if (outgoing === null || credit === 0) continue;
      live.add(outgoing.id);
      if (outgoing.window > GRANT_BYTES / 2) continue;
      const amount = Math.min(credit, GRANT_BYTES);
      credits.set(outgoing.id, credit - amount);
      adjust(protocol, Number(channel), amount);
    }
    // A channel that is being opened has no entry yet.
    if (credits.size > maxChannels * 2) {
      for (const id of credits.keys()) if (!live.has(id)) credits.delete(id);
    }
  };
  let isDue = false;
  const refillSoon = () => {
    if (isDue) return;
    isDue = true;
    queueMicrotask(() => {
      isDue = false;
      refill();
    });
  };

  handlers.CHANNEL_OPEN = (_, opening) => {
    if (manager._count >= maxChannels) {
      const text = "Too many channels are open";
      return protocol.channelOpenFail(opening.sender, CHANNEL_REFUSAL.resourceShortage, text);
    }
    credits.delete(opening.sender);
    opening.window = grantOf(opening.sender, opening.window);
    open(protocol, opening);
  };
  handlers.CHANNEL_OPEN_CONFIRMATION = (_, opening) => {
    credits.delete(opening.sender);
    opening.window = grantOf(opening.sender, opening.window);
    confirm(protocol, opening);
  };
  handlers.CHANNEL_WINDOW_ADJUST = (_, channel, amount) => {
    const outgoing = windowOf(manager._channels[channel]);
    if (outgoing === null) return;
    const room = Math.max(0, GRANT_BYTES - outgoing.window);
    const credit = (credits.get(outgoing.id) ?? 0) + amount;
    const now = socket.writableLength > MAX_WAITING_BYTES ? 0 : Math.min(credit, room);
    credits.set(outgoing.id, Math.min(credit - now, 2 ** 32));
    if (now > 0) adjust(protocol, channel, now);
  };
  protocol._onWrite = (data) => {
    if (socket.writable) socket.write(data, refillSoon);
  };
}

function windowOf(channel: RawChannel | undefined): RawWindow | null {
  return channel?.outgoing ?? channel?._chanInfo?.outgoing ?? null;
}
