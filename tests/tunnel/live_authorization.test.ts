import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../lib/base/clock.ts";
import type { Route, RouteProtocol } from "../../lib/config/config.ts";
import { RouteTable } from "../../lib/config/route_table.ts";
import { ClientCertificates } from "../../lib/identity/client_certificates.ts";
import { sessionFactsById } from "../../lib/identity/resolve_caller.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { openSqliteStore, type SqliteStore } from "../../lib/store/sqlite_store.ts";
import { StoreError } from "../../lib/store/store.ts";
import { LiveAuthorization } from "../../lib/tunnel/live_authorization.ts";
import { TunnelRegistry } from "../../lib/tunnel/registry.ts";
import { splice } from "../../lib/tunnel/splice.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { someSession, someUser } from "../store/contract.ts";
import { tunnelEnds, turn } from "./_ends.ts";

const UPSTREAM = "tcp://10.0.0.1:1";
const DAY_MS = 86_400_000;

let clock: ManualClock;
let store: SqliteStore;
let tunnels: TunnelRegistry;
let routes: RouteTable;
let live: LiveAuthorization;
const noCertificates = new ClientCertificates({
  authoritiesPem: null,
  crlPem: null,
  crlCheck: "leaf",
  ocsp: "off",
  enforcement: "policy",
  subjectAlternativeNames: [],
  maxVerifyDepth: 1,
}, { clock: systemClock });
let whenUnavailable: { mode: "keep" | "cut"; limitMs: number };
let isStoreDown: boolean;
const ended = new Map<string, string>();

beforeEach(async () => {
  ended.clear();
  clock = new ManualClock();
  store = await openSqliteStore({ path: ":memory:" });
  tunnels = new TunnelRegistry(clock);
  routes = new RouteTable([route({ allow: { or: [{ domain: "example.com" }] } })]);
  whenUnavailable = { mode: "keep", limitMs: 60_000 };
  isStoreDown = false;
  live = new LiveAuthorization({
    tunnels,
    routes: () => routes,
    store,
    session: (id) => {
      if (isStoreDown) throw new StoreError("store/unavailable", "down");
      return sessionFactsById(id, { store, clock });
    },
    certificates: () => noCertificates,
    whenUnavailable: () => whenUnavailable,
    clock,
    log: silentLog,
  });
  for (const name of ["ann", "bob"]) {
    await store.addUser(someUser({ id: name, name, email: `${name}@example.com` }));
    const times = { createdAt: clock.now(), expiresAt: clock.now() + DAY_MS };
    await store.addSession(someSession({ id: `${name}-1`, userId: name, ...times }));
    await store.addSession(someSession({ id: `${name}-2`, userId: name, ...times }));
  }
});

afterEach(async () => {
  live[Symbol.dispose]();
  await store[Symbol.asyncDispose]();
});

function route(policy: unknown, overrides: Partial<Route> = {}): Route {
  const from = {
    url: "tcp+https://a.test:1",
    protocol: "tcp" as const,
    gateway: { host: "a.test", port: null },
    destinations: [{ host: "a.test", port: 1 }],
  };
  return {
    id: "r",
    from,
    http: null,
    to: [{ url: UPSTREAM, scheme: "tcp", host: "10.0.0.1", port: 1, weight: 1 }],
    policy: compilePolicy(parsePolicy(policy)),
    ...overrides,
  } as Route;
}

/** A tunnel whose far ends are polite. */
function open(id: string, sessionId: string | null, protocol: RouteProtocol = "tcp"): void {
  const { client, service, clientFar, serviceFar } = tunnelEnds();
  void clientFar.read(new Uint8Array(1)).then(() => clientFar.closeWrite()).catch(() => {});
  void serviceFar.read(new Uint8Array(1)).catch(() => {});
  const userId = sessionId?.split("-")[0] ?? null;
  const facts = {
    protocol,
    routeId: "r",
    target: { host: "a.test", port: 1 },
    upstreamUrl: UPSTREAM,
    ip: "192.0.2.1",
    clientCertificates: null,
  };
  const limits = { idleTimeoutMs: 0, maxDurationMs: 0, sessionExpiresAt: null };
  void tunnels.run({ id, sessionId, userId, email: null, ...facts }, {
    move: (live) => splice(client, service, live),
    limits,
  })
    .then(({ reason }) => ended.set(id, reason));
}

async function settled(): Promise<Record<string, string>> {
  for (let i = 0; i < 20; i++) await turn();
  return Object.fromEntries(ended);
}

describe("LiveAuthorization", () => {
  beforeEach(() => {
    for (const id of ["ann-1", "ann-2", "bob-1"]) open(id, id);
    open("public", null);
  });

  it("ends the tunnels of a session that has ended, and no others", async () => {
    await store.removeSession("ann-1");
    expect(await settled()).toEqual({ "ann-1": "session-ended" });
  });

  it("ends every tunnel of a user who was removed", async () => {
    await store.removeUser("ann");
    expect(await settled()).toEqual({ "ann-1": "session-ended", "ann-2": "session-ended" });
  });

  it("ends every tunnel of a user whose password was changed", async () => {
    await store.setPassword("bob", "$argon2id$two");
    expect(await settled()).toEqual({ "bob-1": "session-ended" });
  });

  it("touches nothing when nothing changes for anybody", async () => {
    await store.addUser(someUser({ id: "cid", name: "cid" }));
    await store.sweep(clock.now());
    expect(await settled()).toEqual({});
    expect(tunnels.size).toBe(4);
  });

  it("holds the tunnels against the routes as they are", async () => {
    routes = new RouteTable([
      route({
        allow: { or: [{ email: "bob@example.com" }, { accept: true }] },
        deny: { or: [{ user: "ann" }] },
      }),
    ]);
    await live.recheckAll("test");
    expect(await settled()).toEqual({
      "ann-1": "no-longer-allowed",
      "ann-2": "no-longer-allowed",
      public: "no-longer-allowed",
    });
  });

  it("holds each tunnel against the routes of its own protocol", async () => {
    open("ann-udp", "ann-1", "udp");
    await live.recheckAll("test");
    expect(await settled()).toEqual({ "ann-udp": "route-removed", public: "no-longer-allowed" });
  });

  it("counts a mark at each change that can alter a decision", async () => {
    const before = live.mark;
    await store.removeSession("ann-1");
    await settled();
    expect(live.mark).toBeGreaterThan(before);
  });
});

describe("a time window", () => {
  it("ends the tunnels of its route when it closes", async () => {
    // The clock stands at 12:00 UTC.
    const window = { time_of_day: { after: "09:00", before: "17:00", timezone: "UTC" } };
    routes = new RouteTable([route({ allow: { and: [{ domain: "example.com" }, window] } })]);
    open("ann-1", "ann-1");
    clock.advance(4 * 3_600_000);
    expect(await settled()).toEqual({});
    clock.advance(3_600_000);
    expect(await settled()).toEqual({ "ann-1": "no-longer-allowed" });
  });
});

describe("while the store cannot be asked", () => {
  it("tunnels are kept, and what was missed is applied when it is back", async () => {
    open("ann-1", "ann-1");
    isStoreDown = true;
    await store.removeSession("ann-1");
    clock.advance(30_000);
    expect(await settled()).toEqual({});
    isStoreDown = false;
    clock.advance(1000);
    expect(await settled()).toEqual({ "ann-1": "session-ended" });
  });

  it("tunnels are kept no longer than the limit", async () => {
    open("ann-1", "ann-1");
    isStoreDown = true;
    await store.removeSession("ann-1");
    for (let second = 0; second < 70; second++) {
      clock.advance(1000);
      await settled();
    }
    expect(await settled()).toEqual({ "ann-1": "store-unavailable" });
  });

  it("tunnels are cut at once when the configuration says so", async () => {
    whenUnavailable = { mode: "cut", limitMs: 60_000 };
    open("ann-1", "ann-1");
    isStoreDown = true;
    await store.removeSession("ann-1");
    expect(await settled()).toEqual({ "ann-1": "store-unavailable" });
  });
});
