import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ActiveSessions } from "../../lib/identity/active_sessions.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { someSession, someUser } from "../store/contract.ts";
import { FakeClock, NOW } from "./_fakes.ts";

const MINUTE_MS = 60_000;
const LIMIT_MS = 30 * MINUTE_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

let clock: FakeClock;
let store: Store;
let idleLimitMs: number;
let sessions: ActiveSessions;
/** What was written down: the session, and after how many milliseconds. */
let touches: [id: string, afterMs: number][];
let fails: boolean;
beforeEach(async () => {
  clock = new FakeClock();
  store = await openSqliteStore({ path: ":memory:" });
  idleLimitMs = LIMIT_MS;
  touches = [];
  fails = false;
  const watched: Store = Object.create(store, {
    touchSession: {
      value: async (id: string, now: number) => {
        touches.push([id, now - NOW]);
        if (fails) throw new Error("out");
        await store.touchSession(id, now);
      },
    },
  });
  for (const name of ["liveSession", "listSessions", "removeSession"] as const) {
    Object.defineProperty(watched, name, { value: store[name].bind(store) });
  }
  sessions = new ActiveSessions({
    store: watched,
    idleLimitMs: () => idleLimitMs,
    clock,
    log: silentLog,
  });
  await store.addUser(someUser());
  await add("s");
});
afterEach(() => store[Symbol.asyncDispose]());

function add(id: string): Promise<void> {
  return store.addSession(someSession({ id, createdAt: NOW, expiresAt: NOW + DAY_MS }));
}

describe("ActiveSessions.use()", () => {
  it("writes a use down once a minute, whether there is a limit or not", async () => {
    idleLimitMs = 0;
    for (let second = 0; second <= 180; second++) {
      await sessions.use("s");
      clock.advance(1000);
    }
    expect(touches).toEqual([["s", MINUTE_MS], ["s", 2 * MINUTE_MS], ["s", 3 * MINUTE_MS]]);
  });

  it("writes down once what many requests at a time use", async () => {
    clock.advance(MINUTE_MS);
    await Promise.all(Array.from({ length: 20 }, () => sessions.use("s")));
    expect(touches).toEqual([["s", MINUTE_MS]]);
  });

  it.each([
    ["a session that nobody used", []],
    ["one that was used right before it was to be written down again", [MINUTE_MS, 2 * MINUTE_MS - 1]],
  ])("ends %s, between the limit and a minute after it", async (_, uses) => {
    for (const afterMs of uses) {
      clock.advance(NOW + afterMs - clock.now());
      expect(await sessions.use("s")).not.toBeNull();
    }
    const written = (await store.liveSession("s", clock.now()))!.lastUsedAt;
    clock.advance(written + LIMIT_MS + MINUTE_MS - 1 - clock.now());
    // Looked at without being used.
    expect(await sessions.endIdle(() => false)).toBe(0);
    clock.advance(1);
    expect(await sessions.use("s")).toBeNull();
  });

  it("never ends a session that is used often enough", async () => {
    for (let round = 0; round < 20; round++) {
      clock.advance(LIMIT_MS);
      expect(await sessions.use("s")).toMatchObject({ id: "s" });
    }
  });

  it("ends nothing without a limit", async () => {
    idleLimitMs = 0;
    clock.advance(DAY_MS - 1);
    expect(await sessions.endIdle(() => false)).toBe(0);
    expect(await sessions.use("s")).toMatchObject({ id: "s" });
  });

  it("answers although the use cannot be written down, and tries again at the next", async () => {
    fails = true;
    clock.advance(MINUTE_MS);
    expect(await sessions.use("s")).toMatchObject({ id: "s" });
    fails = false;
    clock.advance(1);
    expect(await sessions.use("s")).toMatchObject({ id: "s" });
    expect(touches).toEqual([["s", MINUTE_MS], ["s", MINUTE_MS + 1]]);
  });

  it("is null for what is no session", async () => {
    expect(await sessions.use("x")).toBeNull();
    expect(touches).toEqual([]);
  });
});

describe("ActiveSessions.keep()", () => {
  it("writes each session down once, and no request has to again", async () => {
    clock.advance(MINUTE_MS);
    await add("t");
    await sessions.keep(["s", "t", "s", "no session"]);
    await sessions.use("s");
    expect(touches).toEqual([["s", MINUTE_MS], ["t", MINUTE_MS], ["no session", MINUTE_MS]]);
  });

  it("gets through more sessions than are written in one turn", async () => {
    const ids = Array.from({ length: 250 }, (_, index) => `s${index}`);
    await sessions.keep(ids);
    expect(touches.map(([id]) => id)).toEqual(ids);
  });

  it("passes a failure of the store on", async () => {
    fails = true;
    await expect(sessions.keep(["s"])).rejects.toThrow("out");
  });
});

describe("ActiveSessions.endIdle()", () => {
  it("ends what was idle for too long, but not what is in use, and tells who watches", async () => {
    await add("in use");
    clock.advance(LIMIT_MS);
    await store.touchSession("s", clock.now());
    await add("idle");
    const { promise: told, resolve } = Promise.withResolvers<void>();
    using _watch = store.watch((changes) => {
      if (changes.some(({ kind, id }) => kind === "session" && id === "idle")) resolve();
    });
    clock.advance(MINUTE_MS);
    expect(await sessions.endIdle((id) => id === "in use")).toBe(1);
    await told;
    expect((await store.listSessions(clock.now())).map(({ id }) => id).toSorted()).toEqual(["in use", "s"]);
  });
});
