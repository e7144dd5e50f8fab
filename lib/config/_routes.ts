import type { Route } from "./config.ts";
import { protocolOf, SCHEMES } from "./from_url.ts";
import { describe } from "./_quote.ts";
import type { Report } from "./_report.ts";
import { buildRoute, type RouteContext } from "./_route.ts";
import { SERVED_PROTOCOLS, SERVED_SCHEMES } from "./served_protocols.ts";
import { isMapping } from "./value_types.ts";

/** The lists of the file that hold routes, in the order in which they are taken. */
export interface RouteLists {
  readonly policy: readonly unknown[] | null;
  readonly routes: readonly unknown[] | null;
}

/** Checks every route and reports what is wrong; a route with an error is left out. */
export async function buildRoutes(
  lists: RouteLists,
  { report, ...context }: RouteContext & { report: Report },
): Promise<readonly Route[]> {
  const routes: Route[] = [];
  const lineById = new Map<string, number>();
  for (const list of ["policy", "routes"] as const) {
    for (const [index, entry] of (lists[list] ?? []).entries()) {
      const path = [list, index];
      if (!isMapping(entry)) {
        report.error("config/wrong-type", {
          message: `A route must be a mapping: found ${describe(entry)}`,
          hint: "begin it with - from: and indent its other keys as far as from",
          path,
        });
        continue;
      }
      const protocol = protocolOf(entry.from);
      const route = await buildRoute({ mapping: entry, path, report, protocol }, context);
      if (route === null) continue;
      warnUnserved(route, { path, report });
      const twin = lineById.get(route.id);
      if (twin === undefined) lineById.set(route.id, route.line);
      else {
        const other = twin === 0 ? "an earlier one" : `the one on line ${twin}`;
        const message = `This route has the same from and to as ${other}`;
        report.error("config/duplicate-route", { message, hint: "keep one of them", path });
      }
      routes.push(route);
    }
  }
  return Object.freeze(routes);
}

function warnUnserved(
  { from, to }: Route,
  { path, report }: { path: readonly (string | number)[]; report: Report },
): void {
  if (!SERVED_PROTOCOLS.has(from.protocol)) {
    report.warnOnce("config/not-served", {
      message: `Routes from ${SCHEMES[from.protocol]}:// are accepted but not served in this version`,
      path: [...path, "from"],
    });
    return;
  }
  const schemes = SERVED_SCHEMES[from.protocol];
  if (to.every(({ scheme }) => schemes.includes(scheme))) return;
  report.warn("config/not-served", {
    message: `Routes from ${SCHEMES[from.protocol]}:// lead to ${
      schemes.join("://, ")
    }:// only: this one answers with 503`,
    path: [...path, "to"],
  });
}
