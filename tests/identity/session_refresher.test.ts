import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IdentityError } from "../../lib/identity/identity_error.ts";
import type { ProviderPerson } from "../../lib/identity/provider_claims.ts";
import { SessionRefresher } from "../../lib/identity/session_refresher.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { openSqliteStore, type SqliteStore } from "../../lib/store/sqlite_store.ts";
import type { ProviderGrant, SessionRecord } from "../../lib/store/store.ts";
import { ManualClock } from "../_support/manual_clock.ts";

const MINUTE = 60_000;
const refused = () => new IdentityError("identity/provider-refused", "no");
const unavailable = () => new IdentityError("identity/provider-unavailable", "down");

let clock: ManualClock;
let store: SqliteStore;
let ended: string[];
let asked: string[];
let refresher: SessionRefresher;
let refresh: (grant: ProviderGrant) => Promise<ProviderGrant | null>;
let read: (grant: ProviderGrant) => Promise<ProviderPerson>;

const person = (groups: string[]): ProviderPerson => ({
  subject: "ann",
  email: "ann@example.com",
  displayName: "Ann",
  groups,
  claims: { sub: "ann", groups },
});

beforeEach(async () => {
  clock = new ManualClock();
  store = await openSqliteStore({ path: ":memory:", clock });
  ended = [];
  asked = [];
  refresh = (grant) =>
    Promise.resolve({ ...grant, accessToken: "new", accessExpiresAt: clock.now() + 60 * MINUTE });
  read = () => Promise.resolve(person(["a"]));
  refresher = start();
});

afterEach(async () => {
  await refresher[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

function start(ids: readonly string[] = ["oidc"]): SessionRefresher {
  const mark = (id: string) => ids.length === 1 ? "" : `${id} `;
  return new SessionRefresher({
    store,
    providers: () =>
      ids.map((id) => ({
        id,
        issuerId: "oidc",
        refresh: (grant, { subject }) => {
          asked.push(`${mark(id)}refresh ${subject} ${grant.refreshToken}`);
          return refresh(grant);
        },
        read: (grant, { subject }) => {
          asked.push(`${mark(id)}read ${subject} ${grant.accessToken}`);
          return read(grant);
        },
      })),
    onEnded: ({ id }) => void ended.push(id),
    clock,
    log: silentLog,
  });
}

async function addSession(
  grant: Partial<ProviderGrant> = {},
  more: Partial<SessionRecord> = {},
): Promise<void> {
  const now = clock.now();
  await store.saveProviderUser({
    id: "oidc/ann",
    name: "oidc/ann",
    email: "ann@example.com",
    displayName: "Ann",
    groups: ["a"],
    passwordHash: "",
    createdAt: now,
  });
  await store.addSession({
    id: "s",
    userId: "oidc/ann",
    providerId: "oidc",
    claims: { sub: "ann", groups: ["a"] },
    createdAt: now,
    expiresAt: now + 24 * 60 * MINUTE,
    providerGrant: {
      providerSessionId: null,
      accessToken: "old",
      accessExpiresAt: now + 5 * MINUTE,
      refreshToken: "r",
      idToken: null,
      claimsReadAt: now,
      ...grant,
    },
    ...more,
  });
}

async function after(ms: number): Promise<string[]> {
  clock.advance(ms);
  await refresher.runRound();
  return asked.splice(0);
}

const session = () => store.liveSession("s", clock.now());

describe("SessionRefresher", () => {
  it("gets another access token a minute before the old one ends, and not before", async () => {
    await addSession();
    expect(await after(4 * MINUTE - 1000)).toEqual([]);
    expect(await after(1000)).toEqual(["refresh ann r", "read ann new"]);
    expect((await session())?.providerGrant).toMatchObject({ accessToken: "new", refreshToken: "r" });
    expect(await after(MINUTE)).toEqual([]);
  });

  it("asks anew about the person every ten minutes", async () => {
    await addSession({ accessExpiresAt: clock.now() + 60 * MINUTE });
    read = () => Promise.resolve(person(["b"]));
    expect(await after(10 * MINUTE - 1)).toEqual([]);
    expect(await after(1)).toEqual(["read ann old"]);
    expect((await session())?.claims).toEqual({ sub: "ann", groups: ["b"] });
    expect((await store.userById("oidc/ann"))?.groups).toEqual(["b"]);
    expect(await after(9 * MINUTE)).toEqual([]);
  });

  it.each([
    ["refuses the refresh token", () => void (refresh = () => Promise.reject(refused())), 4 * MINUTE],
    ["refuses what it has just given", () => void (read = () => Promise.reject(refused())), 4 * MINUTE],
  ])("ends the session when the provider %s", async (_what, fail, ms) => {
    await addSession();
    fail();
    await after(ms);
    expect([await session(), ended]).toEqual([null, ["s"]]);
  });

  it("ends the session when the access token is taken back and there is no other", async () => {
    await addSession({ refreshToken: null, accessExpiresAt: null });
    read = () => Promise.reject(refused());
    expect(await after(10 * MINUTE)).toEqual(["read ann old"]);
    expect([await session(), ended]).toEqual([null, ["s"]]);
  });

  it("tries the refresh token when the access token is taken back alone", async () => {
    await addSession({ accessExpiresAt: null });
    read = ({ accessToken }) =>
      accessToken === "old" ? Promise.reject(refused()) : Promise.resolve(person(["a"]));
    expect(await after(10 * MINUTE)).toEqual(["read ann old", "refresh ann r", "read ann new"]);
    expect([(await session())?.id, ended]).toEqual(["s", []]);
  });

  it.each([
    ["is out", unavailable()],
    ["tells what is not valid", new IdentityError("identity/provider-invalid", "odd")],
  ])("leaves the session alone while the provider %s, and tries again", async (_what, error) => {
    await addSession();
    refresh = () => Promise.reject(error);
    expect(await after(4 * MINUTE)).toEqual(["refresh ann r"]);
    expect(await after(5 * MINUTE)).toEqual(["refresh ann r"]);
    expect([(await session())?.id, ended]).toEqual(["s", []]);
  });

  it("keeps the new refresh token when asking about the person fails", async () => {
    await addSession();
    refresh = (grant) =>
      Promise.resolve({ ...grant, refreshToken: "r2", accessExpiresAt: clock.now() + 60 * MINUTE });
    read = () => Promise.reject(unavailable());
    await after(4 * MINUTE);
    expect((await session())?.providerGrant).toMatchObject({ refreshToken: "r2" });
  });

  it("leaves alone the sessions of other providers, and those that are over", async () => {
    await addSession({}, { id: "s1", providerId: "local" });
    await addSession({}, { id: "s2", expiresAt: clock.now() + MINUTE });
    expect(await after(20 * MINUTE)).toEqual([]);
  });

  it("asks about each session through the client that it began with", async () => {
    await refresher[Symbol.asyncDispose]();
    refresher = start(["oidc", "oidc.12345678"]);
    await addSession();
    await addSession({}, { id: "s1", providerId: "oidc.12345678" });
    await addSession({}, { id: "s2", providerId: "oidc.87654321" });
    expect((await after(4 * MINUTE)).filter((line) => line.includes("refresh")).sort()).toEqual([
      "oidc refresh ann r",
      "oidc.12345678 refresh ann r",
    ]);
  });

  it("asks once when several gateways share the store", async () => {
    await addSession();
    await using other = start();
    clock.advance(4 * MINUTE - 1);
    await Promise.all([refresher.runRound(), other.runRound()]);
    clock.advance(1);
    await Promise.all([refresher.runRound(), other.runRound()]);
    expect(asked.filter((what) => what.startsWith("refresh"))).toHaveLength(1);
  });

  it("asks about four sessions at once, and stops after eight failures", async () => {
    for (let index = 0; index < 40; index++) await addSession({}, { id: `s${index}` });
    let inFlight = 0;
    let most = 0;
    refresh = async () => {
      most = Math.max(most, ++inFlight);
      await Promise.resolve();
      inFlight--;
      throw unavailable();
    };
    const calls = await after(4 * MINUTE);
    expect(most).toBe(4);
    expect(calls.length).toBeGreaterThanOrEqual(8);
    expect(calls.length).toBeLessThan(16);
  });

  it("looks by itself, and no more once it is disposed", async () => {
    await addSession();
    for (let second = 0; second < 240; second += 20) clock.advance(20_000);
    await refresher.runRound();
    expect(asked.length).toBeGreaterThan(0);
    await refresher[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });
});
