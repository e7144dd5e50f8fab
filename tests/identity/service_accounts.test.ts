import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemRandom } from "../../lib/base/random.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { ActiveSessions } from "../../lib/identity/active_sessions.ts";
import { resolveCaller, sessionFactsById } from "../../lib/identity/resolve_caller.ts";
import { type NewServiceAccount, ServiceAccounts } from "../../lib/identity/service_accounts.ts";
import { SessionTokens } from "../../lib/identity/session_token.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { someUser } from "../store/contract.ts";
import { FakeClock, keys, NOW } from "./_fakes.ts";

const DAY_MS = 86_400_000;

let clock: FakeClock;
let store: Store;
let tokens: SessionTokens;
let accounts: ServiceAccounts;
beforeEach(async () => {
  clock = new FakeClock();
  tokens = new SessionTokens({ key: keys.sessionToken, clock });
  store = await openSqliteStore({ path: ":memory:" });
  await store.addUser(someUser());
  accounts = new ServiceAccounts({ store, tokens, clock, random: systemRandom });
});
afterEach(() => store[Symbol.asyncDispose]());

function create(options: Partial<NewServiceAccount> = {}) {
  return accounts.create({ email: "backup@example.com", lifetimeMs: DAY_MS, ...options });
}

function resolve(token: string) {
  const sessions = new ActiveSessions({ store, idleLimitMs: () => 60_000, clock, log: silentLog });
  return resolveCaller({ credentials: { token, carrier: "authorization" }, store, sessions, tokens, clock });
}

const INVALID = { kind: "invalid", carrier: "authorization" };

describe("ServiceAccounts.create()", () => {
  it("answers a token of three parts with a JSON payload, whose expiry is a whole number of seconds", async () => {
    const { account, token } = await create({ description: "nightly" });
    expect(account).toEqual({
      id: expect.stringMatching(/^[\w-]{22}$/),
      userId: null,
      email: "backup@example.com",
      description: "nightly",
      createdAt: NOW,
      expiresAt: NOW + DAY_MS,
    });
    const payload = decodeJwt(token);
    expect(payload).toMatchObject({ jti: account.id, sub: account.id, idp_id: "service-account" });
    expect(payload.exp).toBe((NOW + DAY_MS) / 1000);
  });

  it("keeps neither the token nor its secret, and never the same secret twice", async () => {
    const made = [await create(), await create()];
    const secrets = made.map(({ token }) => String(decodeJwt(token).secret));
    expect(new Set(secrets).size).toBe(2);
    const kept = JSON.stringify(await store.listServiceAccounts(NOW));
    for (const secret of secrets) {
      expect(secret).toMatch(/^[\w-]{43}$/);
      expect(kept).not.toContain(secret);
    }
    for (const { token } of made) expect(kept).not.toContain(token.split(".")[2]);
  });

  it.each<[string, Partial<NewServiceAccount>, string]>([
    ["both a user and an address", { user: "ada" }, "identity/bad-service-account"],
    ["no life", { lifetimeMs: 0 }, "identity/bad-service-account"],
    ["a life that is no number", { lifetimeMs: NaN }, "identity/bad-service-account"],
    ["a life of 401 days", { lifetimeMs: 401 * DAY_MS }, "identity/bad-service-account"],
    ["a description of two lines", { description: "a\nb" }, "identity/bad-service-account"],
    ["a description of 257 characters", { description: "a".repeat(257) }, "identity/bad-service-account"],
    ["an address without @", { email: "backup" }, "identity/bad-email"],
  ])("takes no %s", async (_, options, code) => {
    await expect(create(options)).rejects.toMatchObject({ code });
    expect(await accounts.list()).toEqual([]);
  });

  it("takes neither nobody nor a user that does not exist", async () => {
    await expect(accounts.create({ lifetimeMs: DAY_MS })).rejects.toMatchObject({
      code: "identity/bad-service-account",
    });
    await expect(accounts.create({ user: "nobody", lifetimeMs: DAY_MS })).rejects.toMatchObject({
      code: "identity/no-such-user",
    });
  });
});

describe("the token of a service account", () => {
  it("stands for the address that it was given", async () => {
    const { account, token } = await create({ description: "nightly" });
    expect(await resolve(token)).toEqual({
      kind: "session",
      session: {
        sessionId: account.id,
        userId: account.id,
        email: "backup@example.com",
        groups: [],
        claims: { sub: account.id, email: "backup@example.com", name: "nightly", groups: [] },
      },
      providerId: null,
      sessionExpiresAt: NOW + DAY_MS,
      carrier: "authorization",
    });
  });

  it("stands for the user it acts for, as they are now", async () => {
    const { account, token } = await accounts.create({ user: "ADA", lifetimeMs: DAY_MS });
    const facts = {
      sessionId: account.id,
      userId: "user-1",
      email: "ada@example.com",
      groups: someUser().groups,
    };
    expect(await resolve(token)).toMatchObject({ kind: "session", session: facts });
    expect(await sessionFactsById(account.id, { store, clock })).toMatchObject(facts);
  });

  it("holds until it expires, and not at that moment", async () => {
    const { token } = await create();
    clock.advance(DAY_MS - 1000);
    expect(await resolve(token)).toMatchObject({ kind: "session" });
    clock.advance(1000);
    expect(await resolve(token)).toEqual(INVALID);
  });

  it("holds no more once it was revoked, nor is anything known of it", async () => {
    const { account, token } = await create();
    await accounts.revoke(account.id);
    expect(await resolve(token)).toEqual(INVALID);
    expect(await sessionFactsById(account.id, { store, clock })).toBeNull();
    expect(await accounts.list()).toEqual([]);
    await expect(accounts.revoke(account.id)).rejects.toMatchObject({
      code: "identity/no-such-service-account",
    });
  });

  it("ends with the user it acts for", async () => {
    const { token } = await accounts.create({ user: "ada", lifetimeMs: DAY_MS });
    await store.removeUser("user-1");
    expect(await resolve(token)).toEqual(INVALID);
  });

  it.each<[string, Record<string, string | undefined>]>([
    ["without the secret", { secret: undefined }],
    ["with another secret", { secret: "A".repeat(43) }],
    ["with the hash as its secret", { secret: "hash" }],
    ["of another provider", { providerId: "local" }],
    ["of another user", { userId: "user-1" }],
  ])("is refused %s, even when it is signed with our key", async (_, changes) => {
    const { account, token } = await create();
    const [kept] = await store.listServiceAccounts(NOW);
    const { secret, ...others } = changes;
    const forged = await tokens.issue(
      {
        issuer: "sallyport",
        userId: account.id,
        audience: ["sallyport"],
        sessionId: account.id,
        providerId: "service-account",
        issuedAt: NOW,
        expiresAt: NOW + DAY_MS,
        secret: "secret" in changes
          ? secret === "hash" ? kept!.secretHash : secret
          : String(decodeJwt(token).secret),
        ...others,
      } as Parameters<SessionTokens["issue"]>[0],
    );
    expect(await resolve(forged)).toEqual(INVALID);
    expect(await resolve(token)).toMatchObject({ kind: "session" });
  });
});
