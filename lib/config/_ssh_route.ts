import { parseKnownHost } from "../codec/known_hosts.ts";
import { formatSshKey, parseSshKeyLine } from "../codec/ssh_public_key.ts";
import type { RouteFrom, Upstream } from "./config.ts";
import { type KeyTable, optional, type Values } from "./key_table.ts";
import type { MappingPlace } from "./_read_keys.ts";
import { oneOrMore, text } from "./value_types.ts";

const EXAMPLE = "as in a .pub file, ssh-ed25519 AAAA…";

/** What routes say about the host keys of their SSH servers. */
export const sshRouteKeys = {
  ssh_known_hosts: optional({
    type: oneOrMore(text),
    description:
      "Lines of a `known_hosts` file that say which keys the server of the route may prove itself with. Without this and `ssh_host_key`: the key that it showed at first.",
    protocols: ["ssh"],
  }),
  ssh_host_key: optional({
    type: oneOrMore(text),
    description: "More such keys, as in a `.pub` file, such as `ssh-ed25519 AAAA…`.",
    protocols: ["ssh"],
  }),
} satisfies KeyTable;

/** The keys that the server of a route may prove itself with; `null`: the one that it showed at first. */
export function readSshHostKeys(
  values: Values<typeof sshRouteKeys>,
  route: { to: readonly Upstream[]; from: RouteFrom; place: MappingPlace },
): readonly string[] | null {
  const { ssh_known_hosts: knownHosts, ssh_host_key: keys } = values;
  if (route.from.protocol !== "ssh" || (knownHosts === null && keys === null)) return null;
  const known = knownHosts === null ? [] : readKnownHosts(knownHosts, route);
  const trusted = [...readKeys(keys ?? [], route.place), ...known];
  return Object.freeze([...new Set(trusted)]);
}

function readKeys(texts: readonly string[], place: MappingPlace): string[] {
  const path = [...place.path, "ssh_host_key"];
  return linesOf(texts).flatMap((line) => {
    const key = parseSshKeyLine(line);
    if (key !== null) return [formatSshKey(key)];
    place.report.error("config/bad-value", {
      message: "A line is no public key of SSH",
      hint: EXAMPLE,
      path,
    });
    return [];
  });
}

function readKnownHosts(
  texts: readonly string[],
  { to, from, place }: { to: readonly Upstream[]; from: RouteFrom; place: MappingPlace },
): string[] {
  const path = [...place.path, "ssh_known_hosts"];
  const servers = to.length === 0 ? [{ host: from.gateway.host, port: 22 }] : to.flatMap(namesOf);
  const trusted = new Set<string>();
  const revoked = new Set<string>();
  for (const line of linesOf(texts)) {
    const known = parseKnownHost(line);
    if (known === null) continue;
    if (known === "authority") {
      const message = "@cert-authority has no effect: certificates of servers are not understood";
      place.report.error("config/unsupported-value", { message, hint: "name the key of the server", path });
    } else if (known === "malformed") {
      const message = "A line is not one of a known_hosts file";
      place.report.error("config/bad-value", { message, hint: `as in 10.0.0.5 ssh-ed25519 AAAA…`, path });
    } else if (servers.some(({ host, port }) => known.matches(host, port))) {
      (known.isRevoked ? revoked : trusted).add(formatSshKey(known.key));
    }
  }
  const keys = [...trusted].filter((key) => !revoked.has(key));
  if (keys.length === 0) {
    const hint = "name it as `to` does; a port other than 22 is written as in [10.0.0.5]:2222";
    place.report.error("config/never-matches", {
      message: "No line is about the server of the route",
      hint,
      path,
    });
  }
  return keys;
}

/** `localhost` in `to` was replaced, but stands as it is in `known_hosts`. */
function namesOf({ host, port }: Upstream): { host: string; port: number }[] {
  return [{ host, port }, ...(host === "127.0.0.1" ? [{ host: "localhost", port }] : [])];
}

function linesOf(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split(/\r?\n/)).filter((line) => line.trim() !== "");
}
