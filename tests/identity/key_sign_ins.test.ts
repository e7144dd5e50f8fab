import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemRandom } from "../../lib/base/random.ts";
import { ActiveSessions } from "../../lib/identity/active_sessions.ts";
import { fingerprintOfKeyId, keyIdOf, KeySignIns } from "../../lib/identity/key_sign_ins.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { ManualClock } from "../_support/manual_clock.ts";

const KEY = keyIdOf("SHA256:one");
const HOUR_MS = 3_600_000;

describe("KeySignIns", () => {
  let clock: ManualClock;
  let store: Store;
  let signIns: KeySignIns;
  let session: { id: string; userId: string; expiresAt: number };
  beforeEach(async () => {
    clock = new ManualClock();
    store = await openSqliteStore({ path: ":memory:" });
    const sessions = new ActiveSessions({ store, idleLimitMs: () => 0, clock, log: silentLog });
    signIns = new KeySignIns({ store, sessions, clock, random: systemRandom });
    const createdAt = clock.now();
    const user = { id: "user-1", name: "ada", email: "ada@example.com", displayName: "", groups: [] };
    await store.addUser({ ...user, passwordHash: "hash", createdAt });
    session = { id: "session-1", userId: "user-1", expiresAt: createdAt + 72 * HOUR_MS };
    await store.addSession({ ...session, providerId: "local", claims: {}, createdAt });
  });
  afterEach(async () => {
    signIns[Symbol.dispose]();
    await store[Symbol.asyncDispose]();
  });
  const begin = async () => (await signIns.begin(KEY, "192.0.2.1"))!;
  const never = new AbortController().signal;

  it("gives codes of 128 random bits that live for 15 minutes", async () => {
    const code = await begin();
    expect(code.code).toMatch(/^[\w-]{22}$/);
    expect(code.expiresAt - clock.now()).toBe(15 * 60_000);
    clock.advance(15 * 60_000);
    expect(await signIns.find(code.code)).toBeNull();
  });

  it.each([[true, "approved"], [false, "denied"]])(
    "tells who waits (approved: %s)",
    async (isApproved, expected) => {
      const code = await begin();
      const waiting = Promise.all([signIns.decided(code, never), signIns.decided(code, never)]);
      await (isApproved ? signIns.approve(code.code, { session, remember: false }) : signIns.deny(code.code));
      expect(await waiting).toEqual([expected, expected]);
      expect(await signIns.decided(code, never)).toBe(expected);
    },
  );

  it("tells who waits that nobody came", async () => {
    const code = await begin();
    const waiting = signIns.decided(code, never);
    clock.advance(15 * 60_000);
    expect(await waiting).toBe("expired");
  });

  it("lets who waits give up", async () => {
    const code = await begin();
    const gone = new AbortController();
    const waiting = signIns.decided(code, gone.signal);
    gone.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await expect(signIns.decided(code, gone.signal)).rejects.toThrow("gone");
  });

  it("makes a key stand for a session for 48 hours at most", async () => {
    expect(await signIns.callerOf(KEY)).toBeNull();
    await signIns.approve((await begin()).code, { session, remember: false });
    const caller = await signIns.callerOf(KEY);
    expect(caller).toMatchObject({ carrier: "ssh-key", providerId: "local", session: { userId: "user-1" } });
    expect(caller!.sessionExpiresAt - clock.now()).toBe(48 * HOUR_MS);
    clock.advance(48 * HOUR_MS);
    expect(await signIns.callerOf(KEY)).toBeNull();
  });

  it.each([
    ["the session ends", () => store.removeSession("session-1")],
    ["the user is removed", () => store.removeUser("user-1")],
    ["the key is revoked", () => store.keys.removeSessionBinding(KEY, "user-1")],
  ])("makes a key stand for nobody once %s", async (_, end) => {
    await signIns.approve((await begin()).code, { session, remember: false });
    await end();
    expect(await signIns.callerOf(KEY)).toBeNull();
  });

  it("knows a key by its fingerprint", () => {
    expect(KEY).toBe("sshkey-SHA256:one");
    expect(fingerprintOfKeyId(KEY)).toBe("SHA256:one");
  });
});
