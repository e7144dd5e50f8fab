import type { Context } from "hono";
import type { Route } from "../config/config.ts";
import type { Caller } from "../identity/resolve_caller.ts";
import { refuse } from "./answers.tsx";
import { callerOf } from "./caller.ts";
import { compatibleCommand, ownCommands, pageAddress } from "./connect_command.ts";
import type { HttpEnv } from "./env.ts";
import { type CallerFacts, callerFacts } from "./facts.ts";
import { navOf } from "./nav.ts";
import { gatewayOrigin } from "./origins.ts";
import { page } from "./pages/render.ts";
import { type RouteCard, RoutesPage } from "./pages/routes_page.tsx";
import { type OpenRoute, openRoutes } from "./portal_routes.ts";
import type { HttpServices } from "./services.ts";
import { signInFirst } from "./sign_in_first.ts";

const MAX_SEARCH_LENGTH = 200;

/** `GET /.pomerium/routes`: the routes that are open to the caller, with the command for each; `?q=` narrows them down. */
export async function showRoutes(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const { config } = services;
  if (!config.routesPortal) return c.redirect("/.pomerium/", 302);
  const caller = await callerOf(c, services);
  if (caller.kind !== "session") return await signInFirst(c, services, caller);
  const open = await openToCaller(c, services, caller);
  const url = new URL(c.req.url);
  const origin = gatewayOrigin(url, services) ?? config.authenticateOrigin ?? url.origin;
  const search = (c.req.query("q") ?? "").trim().slice(0, MAX_SEARCH_LENGTH);
  const routes = open.filter((one) => matches(one, search)).map((one) =>
    cardOf(one, { origin, sshPort: services.sshPort() })
  );
  const nav = navOf(caller.session, services, "routes");
  return page(c, <RoutesPage {...{ nav, routes, total: open.length, search }} />, 200);
}

/** `GET /.pomerium/api/v1/routes`: the same as JSON. */
export async function routesJson(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  if (!services.config.routesPortal) return refuse(c, "http/not-found");
  const caller = await callerOf(c, services);
  if (caller.kind !== "session") return await signInFirst(c, services, caller);
  c.header("cache-control", "no-store");
  return c.json({ routes: (await openToCaller(c, services, caller)).map(jsonOf) });
}

async function openToCaller(
  c: Context<HttpEnv>,
  services: HttpServices,
  caller: Caller,
): Promise<OpenRoute[]> {
  const { config, routes } = services;
  const facts = new Map<Route, CallerFacts>();
  for (const route of config.routes) facts.set(route, await callerFacts(c, services, { caller, route }));
  const hasSsh = services.sshPort() !== null;
  return openRoutes(config.routes, { table: routes, factsOn: (route) => facts.get(route)!, hasSsh });
}

function matches({ route }: OpenRoute, search: string): boolean {
  const wanted = search.toLowerCase();
  return [route.name, route.description, route.from.url].some((text) => text.toLowerCase().includes(wanted));
}

function cardOf(open: OpenRoute, at: { origin: string; sshPort: number | null }): RouteCard {
  const { id, name, description, from } = open.route;
  return {
    id,
    name,
    description,
    type: from.protocol,
    from: from.url,
    address: pageAddress(open, at),
    commands: ownCommands(open, at),
    isServed: open.isServed,
  };
}

function jsonOf(open: OpenRoute) {
  const { id, name, description, logoUrl, from } = open.route;
  return {
    id,
    name,
    type: from.protocol,
    from: from.url,
    description,
    logo_url: logoUrl ?? undefined,
    connect_command: compatibleCommand(open) ?? undefined,
    available: open.isServed,
  };
}
