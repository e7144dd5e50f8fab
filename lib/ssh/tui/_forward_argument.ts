/** The port by which a `-R` asks for a route. */
const ASKED_PORTS: Readonly<Record<string, number>> = { https: 443, ssh: 22 };
/** The port of a service whose URL names none. */
const PORTS: Readonly<Record<string, number>> = { http: 80, h2c: 80, https: 443, ssh: 22 };
const URL_PARTS = /^([a-z0-9+.-]+):\/\/([^/?#]*)(?:\/([^/?#]+))?/i;
const HOST_AND_PORT = /^(\[[0-9a-f:.]+\]|[^\s:[\]/]+):(\d{1,5})$/i;

/** What of a `to` the SSH client would be told: `localhost:8080` of `http://localhost:8080/`; empty when it names no port. */
export function localAddressOf(to: string): string {
  const [, scheme = "", authority = ""] = URL_PARTS.exec(to) ?? [];
  if (HOST_AND_PORT.test(authority)) return authority;
  const port = PORTS[scheme.toLowerCase()];
  return authority === "" || port === undefined ? "" : `${authority}:${port}`;
}

/**
 * The `-R` with which an SSH client publishes a route from an address of its own.
 *
 * @param remote the `from` of the route: port 443 asks for one of HTTP, 22 for one of SSH, and its own for one of TCP
 * @param local `host:port`
 * @returns `null` when `local` is not such an address, or the route cannot be asked for by name
 */
export function forwardArgument(remote: string, local: string): string | null {
  const name = askedName(remote);
  const localPort = Number(HOST_AND_PORT.exec(local)?.[2] ?? 0);
  if (name === null || localPort < 1 || localPort > 65_535) return null;
  return `-R ${name}:${local}`;
}

function askedName(remote: string): string | null {
  const [, scheme = "", authority = "", segment] = URL_PARTS.exec(remote) ?? [];
  const destination = segment ?? authority;
  if (scheme.toLowerCase() === "tcp+https") return HOST_AND_PORT.test(destination) ? destination : null;
  const host = authority.replace(/:\d+$/, "");
  const port = ASKED_PORTS[scheme.toLowerCase()];
  return host === "" || port === undefined ? null : `${host}:${port}`;
}
