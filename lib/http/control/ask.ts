import { AuthorityError, parseAuthority } from "../../base/authority.ts";
import { parseIp } from "../../base/ip.ts";
import type { Route } from "../../config/config.ts";
import { SOME_TRUSTED_CERTIFICATE } from "../../identity/client_certificates.ts";
import { sessionFacts, userClaims } from "../../identity/resolve_caller.ts";
import { decide } from "../../policy/decide.ts";
import { explain, type Explanation } from "../../policy/explain.ts";
import type { Facts, SessionFacts } from "../../policy/facts.ts";
import { type WhyNot, whyNot } from "../../policy/why_not.ts";
import type { UserRecord } from "../../store/store.ts";
import { ControlError } from "./control_error.ts";
import type { ControlServices } from "./control_services.ts";

/** What was asked, as it came. */
export type Question = Readonly<Record<string, unknown>>;

/** Who can use a route. */
export interface AccessAnswer {
  /** The route's name. */
  readonly route: string;
  /** Whether nobody needs to be signed in. */
  readonly everybody: boolean;
  /** Users of the store who would be let in, by name and e-mail address. */
  readonly users: readonly { readonly name: string; readonly email: string }[];
  /** Groups of the store whose membership alone would be enough. */
  readonly groups: readonly string[];
}

/** What keeps somebody from a route. */
export interface WhyNotAnswer extends WhyNot {
  /** The route's name. */
  readonly route: string;
  /** Nothing keeps them from it. */
  readonly allowed: boolean;
}

/** Why a route does what it does with a caller: `{ route, user?, claims?, groups?, ip?, at? }`. */
export async function askExplanation(
  question: Question,
  services: ControlServices,
): Promise<{ route: string; explanation: Explanation }> {
  const route = findRoute(question, services);
  return {
    route: route.name,
    explanation: explain(route.policy, await factsOf(question, { route, services })),
  };
}

/** What keeps a user from a route: `{ route, user, ip?, at? }`. */
export async function askWhyNot(
  question: Question,
  services: ControlServices,
): Promise<WhyNotAnswer> {
  const route = findRoute(question, services);
  const facts = await factsOf(question, { route, services });
  const allowed = decide(route.policy, facts).verdict === "allowed";
  return { route: route.name, allowed, ...whyNot(route.policy, facts) };
}

/** Which users and groups of the store a route lets in: `{ route, ip?, at? }`. */
export async function askAccess(question: Question, services: ControlServices): Promise<AccessAnswer> {
  const route = findRoute(question, services);
  const facts = await factsOf(question, { route, services });
  const letsIn = (session: SessionFacts | null) =>
    decide(route.policy, { ...facts, session }).verdict === "allowed";
  const users = await services.store.listUsers();
  const groups = [...new Set(users.flatMap((user) => user.groups))].sort();
  return {
    route: route.name,
    everybody: letsIn(null),
    users: users.filter((user) => letsIn(factsOfUser(user))).map(({ name, email }) => ({ name, email })),
    groups: groups.filter((group) => letsIn(memberOf(group))),
  };
}

/** By name, id, `from`, or a destination it answers to. */
function findRoute({ route: wanted }: Question, { config }: ControlServices): Route {
  if (typeof wanted !== "string") {
    throw new ControlError("control/bad-request", "The question names no route");
  }
  const { routes } = config();
  const found = routes.find(({ name, id, from }) => [name, id, from.url].includes(wanted)) ??
    routeTo(wanted, routes);
  if (found !== undefined) return found;
  throw new ControlError(
    "control/no-such-route",
    `No route has the name or the destination ${JSON.stringify(wanted)}`,
    {
      hint: `the routes are ${routes.slice(0, 20).map(({ name }) => name).join(", ") || "none"}`,
    },
  );
}

function routeTo(text: string, routes: readonly Route[]): Route | undefined {
  try {
    const { host, port } = parseAuthority(text);
    return routes.find(({ from }) =>
      from.destinations.some((pattern) => pattern.host === host && (pattern.port ?? port) === port)
    );
  } catch (error) {
    if (error instanceof AuthorityError) return undefined;
    throw error;
  }
}

async function factsOf(
  question: Question,
  { route, services }: { route: Route; services: ControlServices },
): Promise<Facts> {
  const { ip, at } = question;
  if (ip !== undefined && (typeof ip !== "string" || parseIp(ip) === null)) {
    throw new ControlError("control/bad-request", `${JSON.stringify(ip)} is not an IP address`);
  }
  const now = at === undefined ? services.clock.now() : Date.parse(String(at));
  if (Number.isNaN(now)) {
    throw new ControlError("control/bad-request", `${JSON.stringify(at)} is not a time`, {
      hint: "write it as 2026-01-31T09:30:00Z",
    });
  }
  const session = await sessionOf(question, services);
  // Who is asked about is thought to have a certificate where one is judged; which one is not known.
  const certificate = route.clientAuthoritiesPem === null ? null : SOME_TRUSTED_CERTIFICATE;
  return { routeId: route.id, now, sourceIp: ip ?? null, session, clientCertificate: certificate };
}

/** A user of the store, or somebody made up from an e-mail address, claims and groups. */
async function sessionOf(question: Question, { store }: ControlServices): Promise<SessionFacts | null> {
  const { user: who, claims = {}, groups = [] } = question;
  if (who === undefined) return null;
  if (typeof who !== "string" || typeof claims !== "object" || claims === null || !Array.isArray(groups)) {
    throw new ControlError("control/bad-request", "The question does not say who the user is");
  }
  const known = (await store.listUsers()).find(({ id, name, email }) => [id, name, email].includes(who));
  if (known === undefined && !who.includes("@")) {
    throw new ControlError("control/no-such-user", `There is no user ${JSON.stringify(who)}`, {
      hint: "for somebody who is not known here, give an e-mail address",
    });
  }
  const facts = known === undefined ? stranger(who) : factsOfUser(known);
  const all = [...facts.groups, ...groups.map(String)];
  return { ...facts, groups: all, claims: { ...facts.claims, groups: all, ...claims } };
}

function factsOfUser(user: UserRecord): SessionFacts {
  return sessionFacts({ id: "", claims: userClaims(user) }, user);
}

function stranger(email: string): SessionFacts {
  return { sessionId: "", userId: email, email, groups: [], claims: { email, sub: email } };
}

/** Somebody of whom nothing is known but a group. */
function memberOf(group: string): SessionFacts {
  return { sessionId: "", userId: "", email: "", groups: [group], claims: { groups: [group] } };
}
