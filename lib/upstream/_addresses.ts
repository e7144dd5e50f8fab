import { lookup } from "node:dns/promises";
import { abortable } from "../base/abortable.ts";
import { parseIp } from "../base/ip.ts";
import type { Upstream } from "../config/config.ts";
import { DialError } from "./dial_error.ts";

/** Names are tried at no more than this many of their addresses. */
const MAX_ADDRESSES = 4;

/**
 * Looks the name of an upstream up, once for a tunnel: what is dialled is what this said.
 *
 * @returns at most 4 addresses, IPv4 first
 * @throws {DialError} `dial/name-not-found`; `dial/name-timeout` when `signal` came first
 */
export async function addressesOf(upstream: Upstream, signal: AbortSignal): Promise<string[]> {
  if (parseIp(upstream.host) !== null) return [upstream.host];
  try {
    const found = await abortable(lookup(upstream.host, { all: true, order: "ipv4first" }), signal);
    return found.slice(0, MAX_ADDRESSES).map(({ address }) => address);
  } catch (cause) {
    const code = signal.aborted ? "dial/name-timeout" : "dial/name-not-found";
    throw new DialError(code, `Cannot reach ${upstream.url}: the name ${upstream.host} does not resolve`, {
      cause,
    });
  }
}
