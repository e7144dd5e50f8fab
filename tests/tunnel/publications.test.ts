import { describe, expect, it } from "vitest";
import type { Route } from "../../lib/config/config.ts";
import type { SessionFacts } from "../../lib/policy/facts.ts";
import { jsonLog } from "../../lib/observe/log.ts";
import type { ChangeListener, Store } from "../../lib/store/store.ts";
import { type Candidate, Publications } from "../../lib/tunnel/publications.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { routeWith } from "../upstream/_support.ts";

const ADA: SessionFacts = {
  sessionId: "s1",
  userId: "u1",
  email: "ada@example.com",
  groups: [],
  claims: { groups: [] },
};
const KEY = { username: "ada", publicKey: new Uint8Array() };

const only = (criterion: unknown) => ({ ssh_policy: [{ allow: { and: [criterion] } }] });

/** Publications over routes with these policies, whose names they have. */
async function setUp(policies: Readonly<Record<string, unknown>>) {
  const named = ([name, tunnel]: [string, unknown]): Promise<Route> =>
    routeWith({
      name,
      from: `tcp+https://${name}:1`,
      ...(tunnel === null ? {} : { upstream_tunnel: tunnel }),
    });
  const state = {
    routes: await Promise.all(Object.entries(policies).map(named)),
    session: ADA as SessionFacts | null | Error,
    mode: "keep" as "keep" | "cut",
  };
  const clock = new ManualClock();
  let tell: ChangeListener = () => {};
  const store = {
    watch(listener: ChangeListener) {
      tell = listener;
      return { [Symbol.dispose]() {} };
    },
  } as Partial<Store> as Store;
  const publications = new Publications({
    routes: () => state.routes,
    session: () =>
      state.session instanceof Error ? Promise.reject(state.session) : Promise.resolve(state.session),
    certificates: () => ({
      judge: () => Promise.resolve({ facts: null } as never),
      nextChange: () => null,
    }),
    store,
    whenUnavailable: () => ({ mode: state.mode, limitMs: 60_000 }),
    clock,
    log: jsonLog({ level: "error", sink: () => {}, now: () => 0 }),
  });
  const heard: string[] = [];
  const reasons: string[] = [];
  const candidate: Candidate = {
    sessionId: "s1",
    sessionExpiresAt: clock.now() + 86_400_000,
    ip: "192.0.2.1",
    ssh: KEY,
    clientCertificates: null,
    isActive: true,
    onRoutes: (routes, why) => {
      heard.push(routes.map(({ route }) => route.name).join(" "));
      reasons.push(why);
    },
  };
  return {
    state,
    clock,
    publications,
    heard,
    reasons,
    candidate,
    tell: (...changes: Parameters<ChangeListener>) => tell(...changes),
  };
}

/** Lets promises settle that wait for nothing. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

describe("Publications", () => {
  it("tells which routes somebody may publish, in the order of the configuration", async () => {
    const { publications, candidate, heard } = await setUp({
      plain: null,
      hers: only({ email: "ada@example.com" }),
      theirs: only({ email: "bob@example.com" }),
      nobodys: {},
      "by-name": only({ ssh_username: "ada" }),
    });
    publications.add(candidate);
    await settled();
    expect(heard).toEqual(["hers by-name"]);
  });

  it("never finds a criterion of SSH true for who came otherwise", async () => {
    const { publications, candidate, heard } = await setUp({
      hers: only({ email: "ada@example.com" }),
      "by-name": only({ ssh_username: "ada" }),
    });
    publications.add({ ...candidate, ssh: null });
    await settled();
    expect(heard).toEqual(["hers"]);
  });

  it("lets nobody publish who has not signed in, even where everybody may", async () => {
    const { publications, candidate, heard, state } = await setUp({ open: only({ accept: true }) });
    state.session = null;
    publications.add(candidate);
    await settled();
    expect(heard).toEqual([""]);
  });

  it.each(
    [
      ["their session", { kind: "session", id: "s1" }, 2],
      ["another session", { kind: "session", id: "s2" }, 1],
      ["a user", { kind: "user", id: "whoever" }, 2],
      ["anything", { kind: "all", id: "" }, 2],
      ["a key", { kind: "key-binding", id: "k" }, 1],
    ] as const,
  )("decides anew when %s changes as often as it must", async (_, change, times) => {
    const { publications, candidate, heard, tell } = await setUp({
      hers: only({ email: "ada@example.com" }),
    });
    publications.add(candidate);
    await settled();
    tell([change]);
    await settled();
    expect(heard).toHaveLength(times);
  });

  it("decides once more, and not a hundred times, when much changes while it decides", async () => {
    const { publications, candidate, heard, tell } = await setUp({
      hers: only({ email: "ada@example.com" }),
    });
    publications.add(candidate);
    for (let i = 0; i < 100; i++) tell([{ kind: "all", id: "" }]);
    await settled();
    expect(heard).toEqual(["hers", "hers"]);
  });

  it("follows groups, routes and policies", async () => {
    const { publications, candidate, heard, reasons, state, tell } = await setUp({
      team: only({ "claim/groups": "team" }),
    });
    publications.add(candidate);
    await settled();
    state.session = { ...ADA, groups: ["team"], claims: { groups: ["team"] } };
    tell([{ kind: "user", id: "u1" }]);
    await settled();
    state.routes = [];
    await publications.recheckAll();
    expect(heard).toEqual(["", "team", ""]);
    expect(reasons.at(-1)).toBe("no-longer-allowed");
  });

  it("decides anew when a time window begins", async () => {
    const { publications, candidate, heard, clock } = await setUp({
      later: only({ date: { after: "2026-06-01T13:00:00Z" } }),
    });
    publications.add(candidate);
    await settled();
    clock.advance(3_600_001);
    await settled();
    expect(heard).toEqual(["", "later"]);
  });

  it("keeps what it knows while the store cannot be asked, and asks again", async () => {
    const { publications, candidate, heard, reasons, state, tell, clock } = await setUp({
      hers: only({ email: "ada@example.com" }),
    });
    publications.add(candidate);
    await settled();
    state.session = new Error("no store");
    tell([{ kind: "all", id: "" }]);
    await settled();
    expect(heard).toEqual(["hers"]);
    state.session = null;
    clock.advance(1000);
    await settled();
    expect(heard).toEqual(["hers", ""]);
    expect(reasons.at(-1)).toBe("session-ended");
  });

  it("takes everything away at once where the store must be asked", async () => {
    const { publications, candidate, heard, state, tell } = await setUp({
      hers: only({ email: "ada@example.com" }),
    });
    publications.add(candidate);
    await settled();
    state.session = new Error("no store");
    state.mode = "cut";
    tell([{ kind: "all", id: "" }]);
    await settled();
    expect(heard).toEqual(["hers", ""]);
  });

  it("says nothing to who has left, and takes everything away when it ends", async () => {
    const { publications, candidate, heard } = await setUp({ hers: only({ email: "ada@example.com" }) });
    const left: string[] = [];
    const handle = publications.add({ ...candidate, onRoutes: () => void left.push("heard") });
    handle[Symbol.dispose]();
    publications.add(candidate);
    await settled();
    publications[Symbol.dispose]();
    expect({ left, heard }).toEqual({ left: [], heard: ["hers", ""] });
  });
});
