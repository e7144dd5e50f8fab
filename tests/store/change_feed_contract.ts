import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store, StoreChange } from "../../lib/store/store.ts";
import { someSession, someUser } from "./contract.ts";

/** What a watcher has heard. */
export class Heard implements Disposable {
  /** Every change so far, as `kind id`. */
  readonly changes: string[] = [];
  readonly errors: unknown[] = [];
  readonly #watch: Disposable;
  #wake = Promise.withResolvers<void>();

  constructor(store: Store) {
    this.#watch = store.watch((changes) => this.#hear(changes), {
      onError: (error) => void this.errors.push(error),
    });
  }

  /** Waits until `isEnough`, or until the watcher has heard of this change. */
  async until(isEnough: string | (() => boolean)): Promise<void> {
    const done = typeof isEnough === "string" ? () => this.changes.includes(isEnough) : isEnough;
    while (!done()) await this.#wake.promise;
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  #hear(changes: readonly StoreChange[]): void {
    for (const { kind, id } of changes) this.changes.push(`${kind} ${id}`);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** What {@link Store.watch} of every engine must do. `open` answers a handle on one and the same store, empty at first. */
export function changeFeedContract(name: string, open: () => Promise<Store>): void {
  describe(`watch() of ${name}`, () => {
    let one: Store;
    let two: Store;
    beforeEach(async () => {
      one = await open();
      two = await open();
    });
    afterEach(async () => {
      await one[Symbol.asyncDispose]();
      await two[Symbol.asyncDispose]();
    });

    it.each([["this", () => one], ["another", () => two]])(
      "tells of every call that changes something, in order, made by %s handle",
      async (_, writer) => {
        using heard = new Heard(one);
        const store = writer();
        await store.addUser(someUser());
        await store.addSession(someSession());
        await store.addSession(someSession({ id: "session-2" }));
        await store.removeSession("session-2");
        await store.setPassword("user-1", "$new");
        await store.addSession(someSession({ id: "session-3" }));
        await store.removeUser("user-1");
        await store.addUser(someUser({ id: "last" }));
        await heard.until("user last");
        expect(heard.changes).toEqual([
          "user user-1",
          "session session-1",
          "session session-2",
          "session session-2",
          "user user-1",
          "session session-1",
          "session session-3",
          "user user-1",
          "session session-3",
          "user last",
        ]);
        expect(heard.errors).toEqual([]);
      },
    );

    it("tells of people of a provider and their sessions when something is new about them", async () => {
      const person = someUser({ passwordHash: "" });
      using heard = new Heard(one);
      await two.saveProviderUser(person);
      await two.addSession(someSession());
      await two.saveProviderUser(person);
      await two.saveProviderUser({ ...person, groups: [] });
      await two.updateSession(someSession());
      await two.updateSession(someSession({ claims: {} }));
      await two.addUser(someUser({ id: "last", name: "last" }));
      await heard.until("user last");
      expect(heard.changes).toEqual([
        "user user-1",
        "session session-1",
        "user user-1",
        "session session-1",
        "session session-1",
        "user last",
      ]);
    });

    it("tells nothing of calls that change nothing, or fail", async () => {
      await one.addUser(someUser());
      await one.addSession(someSession());
      using heard = new Heard(one);
      await one.touchSession("session-1", 1500);
      await one.setPassword("user-9", "$new");
      await one.removeUser("user-9");
      await one.removeSession("session-9");
      await expect(one.addUser(someUser())).rejects.toMatchObject({ code: "store/user-exists" });
      await expect(one.addSession(someSession({ userId: "user-9" }))).rejects.toThrow();
      await one.useOnce("a", 2000);
      await one.sweep(1);
      await one.addUser(someUser({ id: "last", name: "last" }));
      await heard.until("user last");
      expect(heard.changes).toEqual(["user last"]);
    });

    it("loses nothing of a burst from both handles, and gives all watchers one order", async () => {
      using hearsOne = new Heard(one);
      using hearsTwo = new Heard(two);
      await one.addUser(someUser());
      const ids = Array.from({ length: 1500 }, (_, index) => `s${index}`);
      await Promise.all(ids.map((id, index) => (index % 3 ? one : two).addSession(someSession({ id }))));
      await one.addUser(someUser({ id: "last", name: "last" }));
      await Promise.all([hearsOne.until("user last"), hearsTwo.until("user last")]);
      expect(hearsOne.changes.slice(1, -1).toSorted()).toEqual(ids.map((id) => `session ${id}`).toSorted());
      expect(hearsTwo.changes).toEqual(hearsOne.changes);
    });

    it("tells only what comes after the call", async () => {
      await one.addUser(someUser());
      using early = new Heard(one);
      await one.addSession(someSession());
      using late = new Heard(one);
      await one.removeSession("session-1");
      await late.until("session session-1");
      await early.until(() => early.changes.length === 2);
      expect(late.changes).toEqual(["session session-1"]);
    });

    it("tells nothing more after it was disposed, and goes on for others", async () => {
      const gone = new Heard(one);
      using stays = new Heard(one);
      await two.addUser(someUser());
      await stays.until("user user-1");
      gone[Symbol.dispose]();
      await two.addSession(someSession());
      await stays.until("session session-1");
      expect(gone.changes).toEqual(["user user-1"]);
    });

    it("can be begun again after the last watcher has gone", async () => {
      new Heard(one)[Symbol.dispose]();
      await two.addUser(someUser());
      using again = new Heard(one);
      await two.addSession(someSession());
      await again.until("session session-1");
    });

    it("goes on when a listener throws, and says what it threw", async () => {
      const thrown = new Error("listener");
      const errors: unknown[] = [];
      using _bad = one.watch(() => {
        throw thrown;
      }, { onError: (error) => void errors.push(error) });
      using heard = new Heard(one);
      await one.addUser(someUser());
      await one.addSession(someSession());
      await heard.until("session session-1");
      expect(heard.changes).toEqual(["user user-1", "session session-1"]);
      expect(new Set(errors)).toEqual(new Set([thrown]));
    });

    it("lets a listener write to the store", async () => {
      using _writes = one.watch((changes) => {
        if (changes.some(({ kind }) => kind === "user")) void one.addSession(someSession());
      });
      using heard = new Heard(two);
      await one.addUser(someUser());
      await heard.until("session session-1");
      expect(heard.changes).toEqual(["user user-1", "session session-1"]);
    });

    it("is refused on a store that was closed", async () => {
      await one[Symbol.asyncDispose]();
      expect(() => one.watch(() => {})).toThrow(expect.objectContaining({ code: "store/closed" }));
    });
  });
}
