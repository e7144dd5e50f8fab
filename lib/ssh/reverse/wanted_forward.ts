import type { Route } from "../../config/config.ts";
import { canonicalGlob, matchesGlob } from "./glob.ts";

/** The port that stands for HTTP routes, whichever the gateway listens on. */
const HTTP_PORT = 443;
/** The same for routes of SSH. */
const SSH_PORT = 22;
/** What OpenSSH sends for `-R 0` and `-R *:0`, and patterns that mean the same. */
const ALL: readonly string[] = ["", "*", "localhost"];

/** What one `-R` asks for. */
export interface WantedForward {
  /** As it was written. */
  readonly bindAddr: string;
  /** 0 asks for whatever matches, and the route says where to. */
  readonly bindPort: number;
}

/** Whether the client is to be told for each connection where to connect to. */
export function isDynamic({ bindPort }: WantedForward): boolean {
  return bindPort === 0;
}

/** The same text for two that ask for the same. */
export function canonicalForward({ bindAddr, bindPort }: WantedForward): string {
  if (bindPort !== 0) return `${bindAddr.toLowerCase()} ${bindPort}`;
  const pattern = canonicalGlob(bindAddr);
  return `${ALL.includes(pattern) ? "*" : pattern} 0`;
}

/** Whether a route is one of those that are asked for. */
export function asksFor({ bindAddr, bindPort }: WantedForward, { from }: Route): boolean {
  const { protocol, destinations } = from;
  // Nothing in SSH carries datagrams.
  if (protocol === "udp") return false;
  const hosts = destinations.map(({ host }) => host);
  if (bindPort === 0) {
    const pattern = canonicalGlob(bindAddr);
    return ALL.includes(pattern) || hosts.some((host) => matchesGlob(pattern, host));
  }
  const name = bindAddr.toLowerCase();
  if (bindPort === HTTP_PORT && protocol === "http" || bindPort === SSH_PORT && protocol === "ssh") {
    return hosts.includes(name);
  }
  return protocol === "tcp" && destinations.some(({ host, port }) => host === name && port === bindPort);
}

/** How somebody publishes a route at a place of their own, as an argument of `ssh`. */
export function staticForm({ from: { protocol, destinations: [destination] } }: Route): string {
  const { host, port } = destination!;
  const selector = protocol === "http" ? HTTP_PORT : protocol === "ssh" ? SSH_PORT : port ?? 0;
  return `-R ${bracketed(host)}:${selector}:HOST:PORT`;
}

/** How somebody publishes a route at the place that it names. */
export function dynamicForm({ from: { destinations: [destination] } }: Route): string {
  return `-R ${bracketed(destination!.host)}:0`;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
