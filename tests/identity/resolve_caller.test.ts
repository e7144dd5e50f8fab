import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../../lib/observe/log.ts";
import { ActiveSessions } from "../../lib/identity/active_sessions.ts";
import { resolveCaller, sessionFacts } from "../../lib/identity/resolve_caller.ts";
import { SessionTokens } from "../../lib/identity/session_token.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import { type Store, StoreError } from "../../lib/store/store.ts";
import { someSession, someUser } from "../store/contract.ts";
import { FakeClock, keys, NOW, strangersKeys } from "./_fakes.ts";

const HOUR_MS = 3_600_000;
const SESSION = someSession({
  claims: { sub: "old", email: "old@example.com", department: "engines" },
  createdAt: NOW,
  expiresAt: NOW + HOUR_MS,
});

let clock: FakeClock;
let store: Store;
let sessions: ActiveSessions;
let tokens: SessionTokens;
beforeEach(async () => {
  clock = new FakeClock();
  tokens = new SessionTokens({ key: keys.sessionToken, clock });
  store = await openSqliteStore({ path: ":memory:" });
  sessions = sessionsOn(store);
  await store.addUser(someUser());
  await store.addSession(SESSION);
});
afterEach(() => store[Symbol.asyncDispose]());

function sessionsOn(store: Store, idleLimitMs = 0): ActiveSessions {
  return new ActiveSessions({ store, idleLimitMs: () => idleLimitMs, clock, log: silentLog });
}

function tokenFor(
  overrides: { userId?: string; providerId?: string; sessionId?: string } = {},
): Promise<string> {
  return tokens.issue({
    issuer: "gateway.example.com",
    userId: "user-1",
    audience: ["gateway.example.com"],
    sessionId: "session-1",
    providerId: "local",
    issuedAt: NOW,
    expiresAt: NOW + 2 * HOUR_MS,
    ...overrides,
  });
}

async function resolve(token: string | Promise<string>) {
  return await resolveCaller({
    credentials: { token: await token, carrier: "cookie" },
    store,
    sessions,
    tokens,
    clock,
  });
}

const INVALID = { kind: "invalid", carrier: "cookie" };

describe("resolveCaller()", () => {
  it("calls a request without token anonymous", async () => {
    expect(await resolveCaller({ credentials: null, store, sessions, tokens, clock })).toEqual({
      kind: "anonymous",
    });
  });

  it("states the facts of a live session: its claims, overlaid by the user", async () => {
    expect(await resolve(tokenFor())).toEqual({
      kind: "session",
      session: {
        sessionId: "session-1",
        userId: "user-1",
        email: "ada@example.com",
        groups: ["admins", "people, all"],
        claims: {
          sub: "user-1",
          email: "ada@example.com",
          name: "Ada Lovelace",
          groups: ["admins", "people, all"],
          preferred_username: "ada",
          department: "engines",
        },
      },
      providerId: "local",
      sessionExpiresAt: NOW + HOUR_MS,
      carrier: "cookie",
    });
  });

  it("calls a user without display name by the name of the account", async () => {
    await store.addUser(someUser({ id: "user-2", name: "grace", displayName: "" }));
    await store.addSession({ ...SESSION, id: "session-2", userId: "user-2" });
    expect(await resolve(tokenFor({ userId: "user-2", sessionId: "session-2" })))
      .toMatchObject({ session: { claims: { name: "grace" } } });
  });

  it.each<[string, () => string | Promise<string>]>([
    ["forged", () => {
      const forger = new SessionTokens({ key: strangersKeys.sessionToken, clock });
      return forger.issue({
        issuer: "x",
        userId: "user-1",
        audience: [],
        sessionId: "session-1",
        providerId: "local",
        issuedAt: NOW,
        expiresAt: NOW + HOUR_MS,
      });
    }],
    ["nonsense", () => "nonsense"],
    ["for a session that never was", () => tokenFor({ sessionId: "session-9" })],
    ["for the session of another user", () => tokenFor({ userId: "user-2" })],
    ["from another identity provider", () => tokenFor({ providerId: "elsewhere" })],
  ])("calls a token invalid that is %s", async (_, token) => {
    expect(await resolve(token())).toEqual(INVALID);
  });

  it("goes by the record, not by the token, for the end of the session", async () => {
    const token = await tokenFor();
    clock.advance(HOUR_MS - 1);
    expect(await resolve(token)).toMatchObject({ kind: "session" });
    clock.advance(1);
    expect(await resolve(token)).toEqual(INVALID);
  });

  it("calls a token invalid whose session was idle for too long", async () => {
    sessions = sessionsOn(store, HOUR_MS / 4);
    const token = await tokenFor();
    clock.advance(HOUR_MS / 4);
    expect(await resolve(token)).toMatchObject({ kind: "session" });
    clock.advance(HOUR_MS / 4 + 60_000);
    expect(await resolve(token)).toEqual(INVALID);
  });

  it.each<[string, () => Promise<unknown>]>([
    ["the session was ended", () => store.removeSession("session-1")],
    ["the password was changed", () => store.setPassword("user-1", "$new")],
    ["the user was removed", () => store.removeUser("user-1")],
  ])("calls a token invalid at once after %s", async (_, end) => {
    await end();
    expect(await resolve(tokenFor())).toEqual(INVALID);
  });

  it("calls a token invalid when only the user has vanished", async () => {
    const without = Object.create(store, {
      liveSession: { value: () => Promise.resolve(SESSION) },
      userById: { value: () => Promise.resolve(null) },
    });
    const credentials = { token: await tokenFor(), carrier: "query" as const };
    expect(await resolveCaller({ credentials, store: without, sessions: sessionsOn(without), tokens, clock }))
      .toEqual({ kind: "invalid", carrier: "query" });
  });

  it("passes a failure of the store on, and calls nobody anonymous for it", async () => {
    await store[Symbol.asyncDispose]();
    await expect(resolve(tokenFor())).rejects.toThrow(StoreError);
  });

  it("hides no mistake of our own behind an invalid token", async () => {
    const broken = Object.create(tokens, {
      verify: { value: () => Promise.reject(new TypeError("a mistake")) },
    });
    const credentials = { token: await tokenFor(), carrier: "cookie" as const };
    await expect(resolveCaller({ credentials, store, sessions, tokens: broken, clock })).rejects.toThrow(
      TypeError,
    );
  });

  it("does not ask the store about a token that was not issued here", async () => {
    await store[Symbol.asyncDispose]();
    expect(await resolve("nonsense")).toEqual(INVALID);
  });
});

describe("sessionFacts() of a person of a provider", () => {
  const person = someUser({ id: "oidc-1a2b3c4d/ann/1", name: "oidc-1a2b3c4d/ann/1", passwordHash: "" });
  const claims = { sub: "ann/1", iss: "https://id.example.com", preferred_username: "ann", groups: ["old"] };

  it("names the subject as the provider does, and leaves its claims as they are", () => {
    expect(sessionFacts({ ...SESSION, claims }, person)).toMatchObject({
      userId: "ann/1",
      email: person.email,
      groups: person.groups,
      claims: { ...claims, groups: person.groups, email: person.email, name: person.displayName },
    });
  });

  it("has no e-mail address where none counts", () => {
    const facts = sessionFacts({ ...SESSION, claims }, { ...person, email: "" });
    expect(facts.email).toBe("");
    expect(facts.claims).not.toHaveProperty("email");
  });
});
