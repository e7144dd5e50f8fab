import { describe, expect, it } from "vitest";
import { type Sealer, sealer } from "../../lib/store/sealed.ts";
import type { Store } from "../../lib/store/store.ts";
import { someSession, someUser } from "./contract.ts";

/** A sealer under a key that this byte stands for. */
export async function testSealer(fill: number): Promise<Sealer> {
  const raw = new Uint8Array(32).fill(fill);
  return sealer(await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]));
}

/**
 * What every engine does with a sealer.
 *
 * @param options `open`: a handle on one and the same store, empty at first; `texts`: everything that `sessions` holds
 */
export function sealedContract(
  name: string,
  { open, texts }: { open: (sealer?: Sealer) => Promise<Store>; texts: () => Promise<string> },
): void {
  const secret = "a name nobody may read";
  const session = someSession({
    claims: { name: secret },
    providerGrant: {
      providerSessionId: null,
      accessToken: "token nobody may read",
      accessExpiresAt: null,
      refreshToken: null,
      idToken: null,
      claimsReadAt: 1000,
    },
  });

  describe(`${name} with a sealer`, () => {
    it("keeps claims and grants so that nobody else can read them", async () => {
      await using store = await open(await testSealer(1));
      await store.addUser(someUser());
      await store.addSession(session);
      expect(await texts()).toContain("session-1");
      expect(await texts()).not.toContain("may read");
      expect(await store.liveSession("session-1", 1500)).toEqual(session);
      expect(await store.updateSession({ id: "session-1", claims: { name: `${secret}, either` } })).toBe(
        true,
      );
      expect(await texts()).not.toContain("may read");
    });

    it.each([["another key", 2], ["no key", null]])(
      "does not know a session that it meets with %s",
      async (_, fill) => {
        await using store = await open(await testSealer(1));
        await using stranger = await open(fill === null ? undefined : await testSealer(fill));
        await store.addUser(someUser());
        await store.addSession(session);
        await stranger.addSession(someSession({ id: "own" }));
        expect(await stranger.liveSession("session-1", 1500)).toBeNull();
        expect((await stranger.sessionsOf("user-1", 1500)).map(({ id }) => id)).toEqual(["own"]);
        expect((await stranger.listSessions(1500)).map(({ id }) => id)).toEqual(["own"]);
        expect(await stranger.removeSession("session-1")).toBe(true);
      },
    );

    it("still knows a session that was kept without one", async () => {
      await using plain = await open();
      await using store = await open(await testSealer(1));
      await plain.addUser(someUser());
      await plain.addSession(session);
      expect(await store.liveSession("session-1", 1500)).toEqual(session);
      expect(await store.sessionsOf("user-1", 1500)).toEqual([session]);
    });

    it("tells watchers of a session only when its claims have changed", async () => {
      await using store = await open(await testSealer(1));
      await store.addUser(someUser());
      await store.addSession(session);
      const heard: string[] = [];
      const last = Promise.withResolvers<void>();
      using _watch = store.watch((changes) => {
        for (const { id } of changes) {
          heard.push(id);
          if (id === "last") last.resolve();
        }
      });
      await store.updateSession({ id: "session-1", claims: session.claims });
      await store.updateSession({ id: "session-1", claims: { name: "other" } });
      await store.addUser(someUser({ id: "last", name: "last" }));
      await last.promise;
      expect(heard).toEqual(["session-1", "last"]);
    });
  });
}
