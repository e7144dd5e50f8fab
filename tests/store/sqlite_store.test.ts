import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { changeFeedContract, Heard } from "./change_feed_contract.ts";
import { killWriter, openTogether } from "./_processes.ts";
import { someSession, someUser, storeContract } from "./contract.ts";
import { keysContract } from "./keys_contract.ts";
import { sealedContract, testSealer } from "./sealed_contract.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await Deno.makeTempDir();
  path = join(directory, "state.db");
});
afterEach(() => Deno.remove(directory, { recursive: true }));

storeContract("SQLite in a file", () => openSqliteStore({ path }));
storeContract("SQLite in memory", () => openSqliteStore({ path: ":memory:" }));
keysContract("SQLite", () => openSqliteStore({ path }));

changeFeedContract("SQLite in a file", () => openSqliteStore({ path, pollEveryMs: 5 }));

sealedContract("SQLite", {
  open: (sealer) => openSqliteStore({ path, pollEveryMs: 5, ...(sealer === undefined ? {} : { sealer }) }),
  texts: () => Promise.resolve(JSON.stringify(rowsOf("SELECT * FROM sessions"))),
});

/** What `sql` answers, behind the store's back. */
function rowsOf(sql: string): unknown[] {
  const db = new DatabaseSync(path);
  const rows = db.prepare(sql).all();
  db.close();
  return rows;
}

/** Runs `sql` on the file behind the store's back. */
function tamper(sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

/** Runs `body` in a process of its own, in the directory of the test. */
function runProgram(body: string): Promise<Deno.CommandOutput> {
  const module = JSON.stringify(new URL("../../lib/store/sqlite_store.ts", import.meta.url));
  const program = `const { openSqliteStore } = await import(${module}); ${body}`;
  return new Deno.Command(Deno.execPath(), { args: ["eval", program], cwd: directory }).output();
}

describe("openSqliteStore()", () => {
  it("keeps everything for the next time it is opened", async () => {
    {
      await using store = await openSqliteStore({ path });
      await store.addUser(someUser());
      await store.addSession(someSession());
      await store.useOnce("a", 2000);
    }
    await using store = await openSqliteStore({ path });
    expect(await store.userByName("ada")).toEqual(someUser());
    expect(await store.liveSession("session-1", 1500)).toEqual(someSession());
    expect(await store.useOnce("a", 2000)).toBe(false);
  });

  it("keeps what a process had written when it was killed", async () => {
    const killed = await runProgram(`
      const store = await openSqliteStore({ path: "state.db" });
      await store.addUser(${JSON.stringify(someUser())});
      await store.addSession(${JSON.stringify(someSession())});
      Deno.kill(Deno.pid, "SIGKILL");`);
    expect(killed.signal).toBe("SIGKILL");
    await using store = await openSqliteStore({ path });
    expect(await store.liveSession("session-1", 1500)).toEqual(someSession());
  });

  it("migrates once when 20 processes open an empty file at the same time", async () => {
    const { succeeded, errors } = await openTogether(`openSqliteStore(${JSON.stringify({ path })})`);
    expect([succeeded, errors]).toEqual([20, ""]);
    await using store = await openSqliteStore({ path });
    expect(await store.listUsers()).toHaveLength(20);
  }, 60_000);

  it("loses no session that a killed process knew to be kept, and nothing is left half-way", async () => {
    await using store = await openSqliteStore({ path });
    await store.addUser(someUser());
    const kept = await killWriter(`openSqliteStore(${JSON.stringify({ path })})`, { afterSessions: 200 });
    const sessions = await store.sessionsOf("user-1", 0);
    const ids = new Set(sessions.map(({ id }) => id));
    expect(kept.filter((id) => !ids.has(id))).toEqual([]);
    expect(kept.length).toBeGreaterThanOrEqual(200);
    expect(rowsOf("PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
    expect(rowsOf("SELECT count(*) AS n FROM changes")).toEqual([{ n: sessions.length + 1 }]);
  }, 30_000);

  it("lets exactly one of two handles on one file use up a value", async () => {
    await using one = await openSqliteStore({ path });
    await using two = await openSqliteStore({ path });
    const wins = await Promise.all([one.useOnce("a", 2000), two.useOnce("a", 2000)]);
    expect(wins.toSorted()).toEqual([false, true]);
  });

  it("shows one handle what another has written", async () => {
    await using one = await openSqliteStore({ path });
    await using two = await openSqliteStore({ path });
    await one.addUser(someUser());
    expect(await two.userByName("ada")).toEqual(someUser());
  });

  it("tells a watcher of what another process has written", async () => {
    await using store = await openSqliteStore({ path });
    await store.addUser(someUser());
    using heard = new Heard(store);
    const { success } = await runProgram(`
      await using store = await openSqliteStore({ path: "state.db" });
      await store.addSession(${JSON.stringify(someSession())});`);
    expect(success).toBe(true);
    await heard.until("session session-1");
    expect(heard.changes).toEqual(["session session-1"]);
  });

  it("forgets changes ten minutes after they were made, and tells who missed them that anything may have changed", async () => {
    const clock = new ManualClock();
    await using store = await openSqliteStore({ path, clock });
    await using other = await openSqliteStore({ path, clock });
    using heard = new Heard(store);
    await other.addUser(someUser());
    const writtenAt = clock.now();
    await other.sweep(writtenAt + 10 * 60_000 - 1);
    clock.advance(100);
    await heard.until("user user-1");
    await other.addSession(someSession({ expiresAt: writtenAt * 2 }));
    await other.sweep(clock.now() + 10 * 60_000);
    clock.advance(100);
    await heard.until("all ");
    expect(heard.changes).toEqual(["user user-1", "all "]);
  });

  it("looks for what others have written only while somebody watches", async () => {
    const clock = new ManualClock();
    await using store = await openSqliteStore({ path, clock });
    expect(clock.pending).toBe(0);
    using watch = store.watch(() => {});
    using _second = store.watch(() => {});
    expect(clock.pending).toBe(1);
    watch[Symbol.dispose]();
    _second[Symbol.dispose]();
    clock.advance(100);
    expect(clock.pending).toBe(0);
  });

  it.each(["claims", "provider_grant"])("does not know a session whose %s was altered", async (column) => {
    await using store = await openSqliteStore({ path, sealer: await testSealer(1) });
    await store.addUser(someUser());
    await store.addSession(someSession());
    await store.addSession(someSession({ id: "altered" }));
    tamper(`UPDATE sessions SET ${column} = 'sealed:v1:AAAA' WHERE id = 'altered'`);
    expect(await store.liveSession("altered", 1500)).toBeNull();
    expect((await store.listSessions(1500)).map(({ id }) => id)).toEqual(["session-1"]);
  });

  it("keeps nothing of a call that failed half-way", async () => {
    await using store = await openSqliteStore({ path });
    await store.addUser(someUser());
    await store.addSession(someSession());
    tamper("CREATE TRIGGER fail BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'no'); END");
    await expect(store.setPassword("user-1", "$new")).rejects.toMatchObject({ code: "store/unavailable" });
    expect(await store.liveSession("session-1", 1500)).not.toBeNull();
    await store.useOnce("still works", 1);
  });

  it.skipIf(Deno.build.os === "windows")("makes the file and its log private to the user", async () => {
    Deno.writeFileSync(path, new Uint8Array(), { mode: 0o644 });
    await using store = await openSqliteStore({ path });
    await store.addUser(someUser());
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      expect([file, Deno.statSync(file).mode! & 0o777]).toEqual([file, 0o600]);
    }
  });

  it("writes ahead into a log", async () => {
    await using _store = await openSqliteStore({ path });
    const db = new DatabaseSync(path);
    expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    db.close();
  });

  it.each([
    ["in a directory that does not exist", () => join(directory, "missing", "state.db")],
    ["that is a directory", () => directory],
  ])("refuses a path %s", async (_, where) => {
    await expect(openSqliteStore({ path: where() })).rejects.toMatchObject({
      code: "store/unwritable",
      hint: expect.stringContaining("directory"),
    });
  });

  it("takes sessions of a version that did not know their last use for unused", async () => {
    const before = await openSqliteStore({ path });
    await before.addUser(someUser());
    await before.addSession(someSession({ createdAt: 1200 }));
    await before[Symbol.asyncDispose]();
    const later = ["sign_in_codes", "session_bindings", "identity_bindings", "host_keys"];
    tamper(
      `${later.map((table) => `DROP TABLE ${table};`).join("")}
      ALTER TABLE sessions DROP COLUMN last_used_at; PRAGMA user_version = 5`,
    );
    await using store = await openSqliteStore({ path });
    expect(await store.liveSession("session-1", 1500)).toEqual(someSession({ createdAt: 1200 }));
  });

  it("refuses a file of a newer version and leaves it as it was", async () => {
    await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
    tamper("PRAGMA user_version = 999");
    const before = Deno.readFileSync(path);
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: "store/incompatible" });
    expect(Deno.readFileSync(path)).toEqual(before);
  });

  it("refuses the database of another program and leaves it as it was", async () => {
    tamper("CREATE TABLE theirs (a)");
    const before = Deno.readFileSync(path);
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: "store/incompatible" });
    expect(Deno.readFileSync(path)).toEqual(before);
  });

  it("refuses a file that is no database", async () => {
    Deno.writeTextFileSync(path, "routes:\n".repeat(1000));
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: "store/incompatible" });
  });

  it.skipIf(Deno.build.os === "windows")("leaves the mode of a file it refuses", async () => {
    tamper("CREATE TABLE theirs (a)");
    Deno.chmodSync(path, 0o644);
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: "store/incompatible" });
    expect(Deno.statSync(path).mode! & 0o777).toBe(0o644);
  });

  it("never takes a path for a URI", async () => {
    const { success } = await runProgram(`await openSqliteStore({ path: "file:x?mode=memory" });`);
    expect(success).toBe(true);
    expect(Deno.statSync(join(directory, "file:x?mode=memory")).size).toBeGreaterThan(0);
  });
});
