import { formatHost } from "../base/authority.ts";
import type { AuthorityPattern } from "../config/config.ts";
import { type OpenRoute, pathOf } from "./portal_routes.ts";

/** A line for a terminal. */
export interface ConnectCommand {
  /** The line. */
  readonly text: string;
  /** Whether something has to be filled in first: a `*` of the host, or the word `PORT`. */
  readonly isTemplate: boolean;
}

/** What a shell takes as it is. */
const PLAIN = /^[A-Za-z0-9_.:/@%+-]+$/;
const HTTPS_PORT = 443;
const SSH_PORT = 22;

/**
 * The lines that open a tunnel with this project's own client, one for each destination, or a session with OpenSSH's; none
 * for other routes and for what is not served.
 *
 * @param options `origin`: where the caller reaches the gateway, such as `https://gateway.example.com:8443`; `sshPort`: where
 * it listens for SSH, `null` when it does not
 */
export function ownCommands(
  open: OpenRoute,
  { origin, sshPort = null }: { origin: string; sshPort?: number | null },
): ConnectCommand[] {
  if (open.route.from.protocol === "ssh" && open.isServed && sshPort !== null) {
    return [sshCommand(open.route.from.gateway.host, { origin, sshPort })];
  }
  if (!isTunnel(open)) return [];
  const { protocol, gateway } = open.route.from;
  const isAtDefaultPort = new URL(origin).port === "";
  // Without a port in `from`, clients would dial 443.
  const where = gateway.port === null && !isAtDefaultPort ? ` --gateway-url ${origin}` : "";
  return open.destinations.map((destination) => {
    const target = isDirect(open) || where !== ""
      ? authorityText(destination)
      : `${protocol}+https://${gatewayText(gateway)}/${authorityText(destination)}`;
    const isIncomplete = isTemplate(destination) || target.includes("*");
    const written = isIncomplete ? target : quoted(target);
    return { text: `sallyport ${protocol} ${written}${where}`, isTemplate: isIncomplete };
  });
}

function sshCommand(name: string, { origin, sshPort }: { origin: string; sshPort: number }): ConnectCommand {
  const port = sshPort === SSH_PORT ? "" : `-p ${sshPort} `;
  const host = new URL(origin).hostname.replace(/^\[|\]$/g, "");
  return { text: `ssh ${port}${quoted(`USER@${name}@${host}`)}`, isTemplate: true };
}

/** The line that existing clients know: `pomerium-cli tcp host:port`. `null` where there is none that could be run. */
export function compatibleCommand(open: OpenRoute): string | null {
  const [destination] = open.destinations;
  const { protocol, gateway, url } = open.route.from;
  if (!isTunnel(open) || destination === undefined || isTemplate(destination)) return null;
  if (isDirect(open)) return `pomerium-cli ${protocol} ${quoted(authorityText(destination))}`;
  return gateway.host.includes("*") ? null : `pomerium-cli ${protocol} ${quoted(url)}`;
}

/**
 * The address of an HTTP route; `null` for other routes, for what is not served, and for a host with a `*`.
 *
 * @param options as for {@link ownCommands}
 */
export function pageAddress(open: OpenRoute, { origin }: { origin: string }): string | null {
  const { protocol, gateway } = open.route.from;
  if (protocol !== "http" || !open.isServed || gateway.host.includes("*")) return null;
  const port = gateway.port ?? (Number(new URL(origin).port) || HTTPS_PORT);
  // Put together as text: resolved as a reference, a path that begins with // would name another host.
  return URL.parse(`https://${formatHost(gateway.host)}:${port}${pathOf(open.route)}`)?.href ?? null;
}

function isTunnel({ route, isServed }: OpenRoute): boolean {
  return isServed && (route.from.protocol === "tcp" || route.from.protocol === "udp");
}

/** Whether the host of the destination is that of the gateway, so that it need not be named. */
function isDirect({ route, destinations }: OpenRoute): boolean {
  const { gateway } = route.from;
  return gateway.port === null && destinations.every(({ host }) => host === gateway.host);
}

function isTemplate({ host, port }: AuthorityPattern): boolean {
  return port === null || host.includes("*");
}

function authorityText({ host, port }: AuthorityPattern): string {
  return `${formatHost(host)}:${port ?? "PORT"}`;
}

function gatewayText({ host, port }: AuthorityPattern): string {
  return port === null ? formatHost(host) : `${formatHost(host)}:${port}`;
}

/** Brackets and stars mean something to a shell. */
function quoted(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
