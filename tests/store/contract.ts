import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  ServiceAccountRecord,
  SessionRecord,
  Store,
  StoreChange,
  UserRecord,
} from "../../lib/store/store.ts";

/** A user for tests; `overrides` replace single fields. */
export function someUser(overrides: Partial<UserRecord> = {}): UserRecord {
  return {
    id: "user-1",
    name: "ada",
    email: "ada@example.com",
    displayName: "Ada Lovelace",
    groups: ["admins", "people, all"],
    passwordHash: "$argon2id$one",
    createdAt: 1_700_000_000_123,
    ...overrides,
  };
}

/** A session of {@link someUser} for tests, from 1000 to 2000; `overrides` replace single fields. */
export function someSession(overrides: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: "session-1",
    userId: "user-1",
    providerId: "local",
    claims: { sub: "user-1", groups: ["admins"], nested: { deep: [1, true, null] } },
    createdAt: 1000,
    expiresAt: 2000,
    lastUsedAt: overrides.createdAt ?? 1000,
    ...overrides,
  };
}

/** A service account for tests, from 1000 to 2000; `overrides` replace single fields. */
export function someServiceAccount(overrides: Partial<ServiceAccountRecord> = {}): ServiceAccountRecord {
  return {
    id: "account-1",
    userId: null,
    email: "backup@example.com",
    secretHash: "ab".repeat(32),
    description: "nightly backup",
    createdAt: 1000,
    expiresAt: 2000,
    ...overrides,
  };
}

/** What every engine of {@link Store} must do. `open` answers an empty store, which the suite closes. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(`${name} as a Store`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store[Symbol.asyncDispose]());

    describe("users", () => {
      it("are found by id and by name, with every field as it was given", async () => {
        const user = someUser();
        await store.addUser(user);
        expect(await store.userById(user.id)).toEqual(user);
        expect(await store.userByName(user.name)).toEqual(user);
      });

      it("that do not exist are null", async () => {
        expect(await store.userById("user-1")).toBeNull();
        expect(await store.userByName("ada")).toBeNull();
        expect(await store.listUsers()).toEqual([]);
      });

      it("are listed by name", async () => {
        for (const name of ["grace", "ada", "linus"]) {
          await store.addUser(someUser({ id: `id-${name}`, name }));
        }
        expect((await store.listUsers()).map((user) => user.name)).toEqual(["ada", "grace", "linus"]);
      });

      it.each([
        ["name", { id: "user-2" }],
        ["id", { name: "grace" }],
      ])("are refused when the %s is taken", async (_, overrides) => {
        await store.addUser(someUser());
        await expect(store.addUser(someUser(overrides))).rejects.toMatchObject({ code: "store/user-exists" });
        expect(await store.listUsers()).toEqual([someUser()]);
      });

      it("may hold quotes and SQL", async () => {
        const user = someUser({ name: `'; DROP TABLE users; --`, displayName: `"\u{1F511}' OR 1=1` });
        await store.addUser(user);
        expect(await store.userByName(user.name)).toEqual(user);
      });
    });

    describe("setPassword()", () => {
      it("replaces the hash and ends every session of that user only", async () => {
        await store.addUser(someUser());
        await store.addUser(someUser({ id: "user-2", name: "grace" }));
        await store.addSession(someSession());
        await store.addSession(someSession({ id: "session-2", userId: "user-2" }));
        expect(await store.setPassword("user-1", "$argon2id$two")).toBe(true);
        expect((await store.userById("user-1"))?.passwordHash).toBe("$argon2id$two");
        expect((await store.userById("user-2"))?.passwordHash).toBe("$argon2id$one");
        expect(await store.liveSession("session-1", 1500)).toBeNull();
        expect(await store.liveSession("session-2", 1500)).not.toBeNull();
      });

      it("answers false when there is no such user", async () => {
        expect(await store.setPassword("user-1", "$argon2id$two")).toBe(false);
      });
    });

    describe("saveProviderUser()", () => {
      const person = someUser({ id: "oidc/Ada|1", name: "oidc/Ada|1", passwordHash: "" });

      it("adds a person, then brings what is known up to date, without a password", async () => {
        await store.saveProviderUser(person);
        expect(await store.userById("oidc/Ada|1")).toEqual(person);
        await store.saveProviderUser({ ...person, email: "new@example.com", groups: [], createdAt: 5 });
        expect(await store.userById("oidc/Ada|1")).toEqual({
          ...person,
          email: "new@example.com",
          groups: [],
        });
      });

      it("gives nobody else's place away", async () => {
        await store.addUser(someUser());
        for (const taken of [{ id: "user-1" }, { name: "ada" }]) {
          await expect(store.saveProviderUser({ ...person, ...taken })).rejects.toMatchObject({
            code: "store/user-exists",
          });
        }
        expect(await store.listUsers()).toEqual([someUser()]);
      });

      it("leaves no way to a password", async () => {
        await store.saveProviderUser(person);
        expect(await store.setPassword("oidc/Ada|1", "$argon2id$two")).toBe(false);
        expect((await store.userById("oidc/Ada|1"))?.passwordHash).toBe("");
      });
    });

    describe("removeUser()", () => {
      it("removes the user and every session of theirs", async () => {
        await store.addUser(someUser());
        await store.addSession(someSession());
        expect(await store.removeUser("user-1")).toBe(true);
        expect(await store.userById("user-1")).toBeNull();
        expect(await store.liveSession("session-1", 1500)).toBeNull();
        expect(await store.sessionsOf("user-1", 1500)).toEqual([]);
      });

      it("answers false when there is no such user", async () => {
        expect(await store.removeUser("user-1")).toBe(false);
      });
    });

    describe("sessions", () => {
      beforeEach(() => store.addUser(someUser()));

      it("come back with every field as it was given", async () => {
        await store.addSession(someSession());
        expect(await store.liveSession("session-1", 1500)).toEqual(someSession());
      });

      it("say where they came from, when that is known", async () => {
        const session = someSession({ createdFrom: "192.0.2.7", userAgent: "Mozilla/5.0 '; --" });
        await store.addSession(session);
        expect(await store.liveSession("session-1", 1500)).toEqual(session);
        expect(await store.sessionsOf("user-1", 1500)).toEqual([session]);
      });

      it("live until the moment they expire, and not at it", async () => {
        await store.addSession(someSession({ expiresAt: 2000 }));
        expect(await store.liveSession("session-1", 1999)).not.toBeNull();
        expect(await store.liveSession("session-1", 2000)).toBeNull();
      });

      it("of a user are listed newest first, without the expired", async () => {
        await store.addSession(someSession({ id: "old", createdAt: 1, expiresAt: 5000 }));
        await store.addSession(someSession({ id: "new", createdAt: 3, expiresAt: 5000 }));
        await store.addSession(someSession({ id: "middle", createdAt: 2, expiresAt: 5000 }));
        await store.addSession(someSession({ id: "expired", createdAt: 4, expiresAt: 4000 }));
        const sessions = await store.sessionsOf("user-1", 4000);
        expect(sessions.map((session) => session.id)).toEqual(["new", "middle", "old"]);
      });

      it("of everybody are listed, newest first, without the expired", async () => {
        await store.addUser(someUser({ id: "user-2", name: "grace" }));
        await store.addSession(someSession({ id: "old", expiresAt: 1200 }));
        await store.addSession(someSession({ id: "first", createdAt: 1100 }));
        await store.addSession(someSession({ id: "second", userId: "user-2", createdAt: 1150 }));
        expect((await store.listSessions(1500)).map((session) => session.id)).toEqual(["second", "first"]);
      });

      it("take other claims and another grant", async () => {
        const providerGrant = {
          providerSessionId: null,
          accessToken: "a",
          accessExpiresAt: null,
          refreshToken: "r",
          idToken: null,
          claimsReadAt: 1,
        };
        await store.addSession(someSession({ providerGrant }));
        expect(await store.liveSession("session-1", 1500)).toEqual(someSession({ providerGrant }));
        const update = { claims: { sub: "x" }, providerGrant: { ...providerGrant, refreshToken: null } };
        expect(await store.updateSession({ id: "session-1", ...update })).toBe(true);
        expect(await store.liveSession("session-1", 1500)).toEqual(someSession(update));
        expect(await store.updateSession({ id: "another", ...update })).toBe(false);
      });

      it("begin as used when they were created, and remember the latest use", async () => {
        await store.addSession(someSession({ createdAt: 1200, lastUsedAt: 9 }));
        await store.addSession(someSession({ id: "another" }));
        const lastUsedAt = async () => (await store.liveSession("session-1", 1500))?.lastUsedAt;
        expect(await lastUsedAt()).toBe(1200);
        await store.touchSession("session-1", 1400);
        await store.touchSession("session-1", 1300);
        expect(await lastUsedAt()).toBe(1400);
        const all = await store.listSessions(1500);
        const uses = Object.fromEntries(all.map(({ id, lastUsedAt }) => [id, lastUsedAt]));
        expect(uses).toEqual({ "session-1": 1400, another: 1000 });
        await store.touchSession("missing", 1400);
      });

      it("end once", async () => {
        await store.addSession(someSession());
        expect(await store.removeSession("session-1")).toBe(true);
        expect(await store.liveSession("session-1", 1500)).toBeNull();
        expect(await store.removeSession("session-1")).toBe(false);
      });

      it("are refused for a user who was removed meanwhile", async () => {
        await store.removeUser("user-1");
        await expect(store.addSession(someSession())).rejects.toMatchObject({ code: "store/no-such-user" });
      });
    });

    describe("service accounts", () => {
      it("come back with every field as it was given, until the moment they expire", async () => {
        await store.addUser(someUser());
        const own = someServiceAccount();
        const ofUser = someServiceAccount({ id: "account-2", userId: "user-1", email: null });
        await store.addServiceAccount(own);
        await store.addServiceAccount(ofUser);
        expect(await store.liveServiceAccount("account-1", 1999)).toEqual(own);
        expect(await store.liveServiceAccount("account-2", 1999)).toEqual(ofUser);
        expect(await store.liveServiceAccount("account-1", 2000)).toBeNull();
        expect(await store.liveServiceAccount("account-3", 1999)).toBeNull();
      });

      it("are no sessions", async () => {
        await store.addServiceAccount(someServiceAccount());
        expect(await store.liveSession("account-1", 1500)).toBeNull();
        expect(await store.listSessions(1500)).toEqual([]);
      });

      it("are listed newest first, without the expired, and forgotten by a sweep", async () => {
        for (const [id, createdAt, expiresAt] of [["a", 1, 9], ["b", 2, 5], ["c", 3, 9]] as const) {
          await store.addServiceAccount(someServiceAccount({ id, createdAt, expiresAt }));
        }
        expect((await store.listServiceAccounts(5)).map(({ id }) => id)).toEqual(["c", "a"]);
        await store.sweep(5);
        expect((await store.listServiceAccounts(0)).map(({ id }) => id)).toEqual(["c", "a"]);
      });

      it("end once, and the watchers are told", async () => {
        await store.addServiceAccount(someServiceAccount());
        const { promise: told, resolve } = Promise.withResolvers<readonly StoreChange[]>();
        using _watch = store.watch((changes) => {
          if (changes.some(({ kind }) => kind === "service-account")) resolve(changes);
        });
        expect(await store.removeServiceAccount("account-1")).toBe(true);
        expect(await store.liveServiceAccount("account-1", 1500)).toBeNull();
        expect(await told).toContainEqual({ kind: "service-account", id: "account-1" });
        expect(await store.removeServiceAccount("account-1")).toBe(false);
      });

      it("end with their user", async () => {
        await store.addUser(someUser());
        await store.addServiceAccount(someServiceAccount({ userId: "user-1", email: null }));
        const { promise: told, resolve } = Promise.withResolvers<readonly StoreChange[]>();
        using _watch = store.watch((changes) => {
          if (changes.some(({ kind, id }) => kind === "service-account" && id === "account-1")) {
            resolve(changes);
          }
        });
        await store.removeUser("user-1");
        expect(await store.liveServiceAccount("account-1", 1500)).toBeNull();
        await told;
      });

      it("are refused for a user who was removed meanwhile", async () => {
        const account = someServiceAccount({ userId: "user-1", email: null });
        await expect(store.addServiceAccount(account)).rejects.toMatchObject({ code: "store/no-such-user" });
      });
    });

    describe("useOnce()", () => {
      it("is true the first time only, for each value by itself", async () => {
        expect(await store.useOnce("a", 2000)).toBe(true);
        expect(await store.useOnce("a", 2000)).toBe(false);
        expect(await store.useOnce("a", 9000)).toBe(false);
        expect(await store.useOnce("b", 2000)).toBe(true);
      });

      it("remembers a value through a sweep before it expires", async () => {
        await store.useOnce("a", 2000);
        await store.sweep(1999);
        expect(await store.useOnce("a", 2000)).toBe(false);
      });

      it("lets exactly one of many concurrent callers win", async () => {
        const wins = await Promise.all(Array.from({ length: 20 }, () => store.useOnce("a", 2000)));
        expect(wins.filter((won) => won)).toHaveLength(1);
      });
    });

    describe("sweep()", () => {
      it("forgets what has expired, counts the sessions and leaves the rest", async () => {
        await store.addUser(someUser());
        await store.addSession(someSession({ id: "gone-1", expiresAt: 1999 }));
        await store.addSession(someSession({ id: "gone-2", expiresAt: 2000 }));
        await store.addSession(someSession({ id: "stays", expiresAt: 2001 }));
        await store.useOnce("a", 2000);
        expect(await store.sweep(2000)).toBe(2);
        expect((await store.sessionsOf("user-1", 0)).map((session) => session.id)).toEqual(["stays"]);
        expect(await store.useOnce("a", 3000)).toBe(true);
        expect(await store.sweep(2000)).toBe(0);
      });
    });

    describe("after it was closed", () => {
      it.each<[string, (store: Store) => Promise<unknown>]>([
        ["userById()", (store) => store.userById("user-1")],
        ["addUser()", (store) => store.addUser(someUser())],
        ["touchSession()", (store) => store.touchSession("session-1", 1)],
        ["useOnce()", (store) => store.useOnce("a", 1)],
        ["sweep()", (store) => store.sweep(1)],
      ])("%s fails with store/closed", async (_, call) => {
        await store[Symbol.asyncDispose]();
        await expect(call(store)).rejects.toMatchObject({ code: "store/closed" });
      });

      it("closing again does nothing", async () => {
        await store[Symbol.asyncDispose]();
        await expect(store[Symbol.asyncDispose]()).resolves.toBeUndefined();
      });
    });
  });
}
