import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SignInCodeRecord } from "../../lib/store/key_store.ts";
import type { Store, StoreChange } from "../../lib/store/store.ts";
import { someSession, someUser } from "./contract.ts";

const ROOMY = { ofAddress: 10, inAll: 100 };
const KEY = "sshkey-SHA256:one";

function someCode(overrides: Partial<SignInCodeRecord> = {}): Omit<SignInCodeRecord, "state"> {
  return { code: "code-1", keyId: KEY, address: "192.0.2.1", issuedAt: 1000, expiresAt: 1900, ...overrides };
}

function approval(overrides: { remember?: boolean; userId?: string; sessionId?: string } = {}) {
  return { sessionId: "session-1", userId: "user-1", expiresAt: 1800, remember: false, ...overrides };
}

/** What every engine must do with keys. `open` answers an empty store, which the suite closes. */
export function keysContract(name: string, open: () => Promise<Store>): void {
  describe(`${name} as a KeyStore`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
      await store.addUser(someUser());
      await store.addUser(someUser({ id: "user-2", name: "eve" }));
      await store.addSession(someSession());
      await store.addSession(someSession({ id: "session-2", userId: "user-2" }));
    });
    afterEach(() => store[Symbol.asyncDispose]());

    it("keeps a code with every field, until it expires", async () => {
      expect(await store.keys.openSignInCode(someCode(), ROOMY)).toEqual({ ...someCode(), state: "pending" });
      expect(await store.keys.signInCode("code-1", 1899)).toEqual({ ...someCode(), state: "pending" });
      expect(await store.keys.signInCode("code-1", 1900)).toBeNull();
      expect(await store.keys.signInCode("code-2", 1500)).toBeNull();
    });

    it("gives a key that waits the code that it has", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      const again = await store.keys.openSignInCode(someCode({ code: "code-2", issuedAt: 1500 }), ROOMY);
      expect(again?.code).toBe("code-1");
      const later = await store.keys.openSignInCode(someCode({ code: "code-2", issuedAt: 1900 }), ROOMY);
      expect(later?.code).toBe("code-2");
    });

    it("gives a key another code once the first is decided", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      await store.keys.decideSignInCode({ code: "code-1", now: 1100, approval: null });
      expect((await store.keys.openSignInCode(someCode({ code: "code-2" }), ROOMY))?.code).toBe("code-2");
    });

    it.each([
      ["of one address", { ofAddress: 2, inAll: 100 }, "192.0.2.1", null],
      ["of another address", { ofAddress: 2, inAll: 100 }, "192.0.2.2", "code-3"],
      ["in all", { ofAddress: 10, inAll: 2 }, "192.0.2.2", null],
    ])("bounds how many wait: %s", async (_, limits, address, expected) => {
      for (const n of [1, 2]) {
        await store.keys.openSignInCode(someCode({ code: `code-${n}`, keyId: `key-${n}` }), limits);
      }
      const third = await store.keys.openSignInCode(
        someCode({ code: "code-3", keyId: "key-3", address }),
        limits,
      );
      expect(third?.code ?? null).toBe(expected);
    });

    it("binds a key to the session that approves", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      const decision = { code: "code-1", now: 1200, approval: approval() };
      expect(await store.keys.decideSignInCode(decision)).toBe("done");
      const bound = {
        keyId: KEY,
        sessionId: "session-1",
        userId: "user-1",
        createdAt: 1200,
        expiresAt: 1800,
        createdFrom: "192.0.2.1",
      };
      expect(await store.keys.sessionBinding(KEY, 1799)).toEqual(bound);
      expect(await store.keys.sessionBinding(KEY, 1800)).toBeNull();
      expect(await store.keys.sessionBindingsOf("user-1", 1300)).toEqual([bound]);
      expect(await store.keys.sessionBindingsOf("user-2", 1300)).toEqual([]);
      expect(await store.keys.identityBinding(KEY)).toBeNull();
      expect((await store.keys.signInCode("code-1", 1300))?.state).toBe("approved");
    });

    it("remembers a key when asked to", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      await store.keys.decideSignInCode({
        code: "code-1",
        now: 1200,
        approval: approval({ remember: true }),
      });
      const known = { keyId: KEY, userId: "user-1", createdAt: 1200, createdFrom: "192.0.2.1" };
      expect(await store.keys.identityBinding(KEY)).toEqual(known);
      expect(await store.keys.identityBindingsOf("user-1")).toEqual([known]);
    });

    it("binds nothing when the answer is no", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      expect(await store.keys.decideSignInCode({ code: "code-1", now: 1200, approval: null })).toBe("done");
      expect(await store.keys.sessionBinding(KEY, 1300)).toBeNull();
      expect((await store.keys.signInCode("code-1", 1300))?.state).toBe("denied");
    });

    it("takes one of two decisions at the same time", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      const outcomes = await Promise.all([
        store.keys.decideSignInCode({ code: "code-1", now: 1200, approval: approval() }),
        store.keys.decideSignInCode({
          code: "code-1",
          now: 1200,
          approval: approval({ sessionId: "session-2", userId: "user-2" }),
        }),
      ]);
      expect(outcomes.toSorted()).toEqual(["decided", "done"]);
    });

    it.each([
      ["that is not there", "code-2", 1200],
      ["that has expired", "code-1", 1900],
    ])("does not decide on a code %s", async (_, code, now) => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      expect(await store.keys.decideSignInCode({ code, now, approval: approval() })).toBe("unknown");
    });

    it.each([[false], [true]])("keeps a key to its user (remembered: %s)", async (remember) => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      await store.keys.decideSignInCode({ code: "code-1", now: 1100, approval: approval({ remember }) });
      await store.keys.openSignInCode(someCode({ code: "code-2" }), ROOMY);
      const theirs = approval({ sessionId: "session-2", userId: "user-2" });
      expect(await store.keys.decideSignInCode({ code: "code-2", now: 1200, approval: theirs })).toBe(
        "other-user",
      );
      expect((await store.keys.signInCode("code-2", 1300))?.state).toBe("pending");
      // A binding that has expired keeps nobody out; one that is remembered does.
      const later = await store.keys.decideSignInCode({ code: "code-2", now: 1850, approval: theirs });
      expect(later).toBe(remember ? "other-user" : "done");
    });

    it("refuses a session that has ended meanwhile", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      await store.removeSession("session-1");
      await expect(store.keys.decideSignInCode({ code: "code-1", now: 1200, approval: approval() }))
        .rejects.toMatchObject({ code: "store/no-such-user" });
      expect((await store.keys.signInCode("code-1", 1300))?.state).toBe("pending");
    });

    it("ends a session binding with its session, and keeps the identity binding", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      await store.keys.decideSignInCode({
        code: "code-1",
        now: 1200,
        approval: approval({ remember: true }),
      });
      await store.removeSession("session-1");
      expect(await store.keys.sessionBinding(KEY, 1300)).toBeNull();
      expect(await store.keys.identityBinding(KEY)).not.toBeNull();
    });

    it("ends every binding with its user", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      await store.keys.decideSignInCode({
        code: "code-1",
        now: 1200,
        approval: approval({ remember: true }),
      });
      await store.removeUser("user-1");
      expect(await store.keys.sessionBinding(KEY, 1300)).toBeNull();
      expect(await store.keys.identityBinding(KEY)).toBeNull();
    });

    it("revokes the bindings of their user only", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      await store.keys.decideSignInCode({
        code: "code-1",
        now: 1200,
        approval: approval({ remember: true }),
      });
      expect(await store.keys.removeSessionBinding(KEY, "user-2")).toBe(false);
      expect(await store.keys.removeIdentityBinding(KEY, "user-2")).toBe(false);
      expect(await store.keys.removeSessionBinding(KEY, "user-1")).toBe(true);
      expect(await store.keys.removeIdentityBinding(KEY, "user-1")).toBe(true);
      expect(await store.keys.sessionBinding(KEY, 1300)).toBeNull();
      expect(await store.keys.identityBinding(KEY)).toBeNull();
    });

    it("tells of a decision and of a revocation", async () => {
      const heard: StoreChange[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      await store.keys.openSignInCode(someCode(), ROOMY);
      using _watch = store.watch((changes) => {
        heard.push(...changes.filter(({ kind }) => kind === "key-binding" || kind === "sign-in-code"));
        if (heard.length === 3) resolve();
      });
      await store.keys.decideSignInCode({ code: "code-1", now: 1200, approval: approval() });
      await store.keys.removeSessionBinding(KEY, "user-1");
      await promise;
      expect(heard).toEqual([
        { kind: "key-binding", id: KEY },
        { kind: "sign-in-code", id: "code-1" },
        { kind: "key-binding", id: KEY },
      ]);
    });

    it("forgets in a sweep what has expired", async () => {
      await store.keys.openSignInCode(someCode(), ROOMY);
      await store.keys.decideSignInCode({
        code: "code-1",
        now: 1200,
        approval: approval({ remember: true }),
      });
      await store.sweep(1900);
      expect(await store.keys.signInCode("code-1", 1300)).toBeNull();
      expect(await store.keys.sessionBinding(KEY, 1300)).toBeNull();
      expect(await store.keys.identityBinding(KEY)).not.toBeNull();
    });

    it("keeps the host key that a server had first", async () => {
      expect(await store.keys.hostKey("db:22")).toBeNull();
      expect(await store.keys.trustHostKey("db:22", "ssh-ed25519 AAAA")).toBe("ssh-ed25519 AAAA");
      expect(await store.keys.trustHostKey("db:22", "ssh-ed25519 BBBB")).toBe("ssh-ed25519 AAAA");
      expect(await store.keys.trustHostKey("db:23", "ssh-ed25519 BBBB")).toBe("ssh-ed25519 BBBB");
      expect(await store.keys.hostKey("db:22")).toBe("ssh-ed25519 AAAA");
    });
  });
}
