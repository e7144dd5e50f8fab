import { caught } from "./_caught.ts";
import type { RouteFrom, Upstream } from "./config.ts";
import type { MappingPlace } from "./_read_keys.ts";
import { RouteUrlError } from "./route_url_error.ts";
import { type ParsedTo, parseTo } from "./to_url.ts";

/** Schemes that stand beside none but those of their own kind. */
const KINDS: readonly (readonly string[])[] = [["tcp", "tls"], ["udp"], ["ssh"], ["unix", "https+unix"]];

/**
 * Checks the `to` of a route.
 *
 * @param texts each as written; @param place the route
 * @returns the upstreams, or `null` when an error was reported
 */
export function buildUpstreams(texts: readonly string[], place: MappingPlace): readonly Upstream[] | null {
  const isList = Array.isArray(place.mapping.to);
  const pathOf = (index: number) => [...place.path, "to", ...(isList ? [index] : [])];
  if (texts.length === 0) {
    place.report.error("config/bad-to", {
      message: "This list of upstreams is empty",
      path: [...place.path, "to"],
    });
    return null;
  }
  const parsed: ParsedTo[] = [];
  for (const [index, text] of texts.entries()) {
    const result = caught(() => parseTo(text), RouteUrlError);
    if (!(result instanceof RouteUrlError)) parsed.push(result);
    else {place.report.error("config/bad-to", {
        message: result.message,
        hint: result.hint,
        path: pathOf(index),
      });}
  }
  if (parsed.length < texts.length) return null;
  const odd = oddOneOut(parsed);
  if (odd !== null) place.report.error("config/mixed-upstreams", { ...odd, path: pathOf(odd.index) });
  return odd === null ? Object.freeze(parsed.map((result) => result.upstream)) : null;
}

/** Reports upstreams that a route of this protocol cannot have: `ssh` leads to one `ssh` server. */
export function checkSshUpstream(
  to: readonly Upstream[],
  { from, place }: { from: RouteFrom; place: MappingPlace },
): void {
  if (from.protocol !== "ssh" || Object.hasOwn(place.mapping, "upstream_tunnel")) return;
  if (to.length === 1 && to[0]!.scheme === "ssh") return;
  place.report.error("config/bad-to", {
    message: "A route from ssh:// leads to exactly one ssh:// upstream",
    path: [...place.path, "to"],
  });
}

function oddOneOut(
  parsed: readonly ParsedTo[],
): { index: number; message: string; hint: string } | null {
  const first = parsed[0]!;
  const unweighted = parsed.findIndex((other) => other.isWeighted !== first.isWeighted);
  if (unweighted >= 0) {
    const message = "Some upstreams of this route have a weight and some have none";
    return { index: unweighted, message, hint: "give all of them a weight, or none" };
  }
  const kind = kindOf(first.upstream.scheme);
  const stranger = parsed.findIndex((other) => kindOf(other.upstream.scheme) !== kind);
  if (stranger < 0) return null;
  const schemes = `${first.upstream.scheme}:// and ${parsed[stranger]!.upstream.scheme}://`;
  return {
    index: stranger,
    message: `One route cannot lead to both ${schemes}`,
    hint: "write a route for each",
  };
}

function kindOf(scheme: string): number {
  return KINDS.findIndex((kind) => kind.includes(scheme));
}
