import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MIGRATE } from "../../lib/store/_postgres_schema.ts";
import { openPostgresStore } from "../../lib/store/postgres_store.ts";
import { requirePostgres, startPostgres, type TestPostgres } from "../_support/postgres.ts";
import { killWriter, openTogether } from "./_processes.ts";
import { changeFeedContract } from "./change_feed_contract.ts";
import { someSession, someUser, storeContract } from "./contract.ts";
import { keysContract } from "./keys_contract.ts";
import { sealedContract } from "./sealed_contract.ts";

describe.skipIf(!requirePostgres())("PostgreSQL", () => {
  let server: TestPostgres;
  let connectionString: string;
  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    connectionString = await server.database();
  });
  const open = () => openPostgresStore({ connectionString });
  const psql = (sql: string) => server.psql(connectionString, sql);

  storeContract("PostgreSQL", open);
  keysContract("PostgreSQL", open);
  changeFeedContract("PostgreSQL", open);
  sealedContract("PostgreSQL", {
    open: (sealer) => openPostgresStore({ connectionString, ...(sealer === undefined ? {} : { sealer }) }),
    texts: () => psql("SELECT * FROM sallyport.sessions"),
  });

  describe("openPostgresStore()", () => {
    it("keeps everything for the next time it is opened", async () => {
      {
        await using store = await open();
        await store.addUser(someUser());
        await store.addSession(someSession());
      }
      await using store = await open();
      expect(await store.liveSession("session-1", 1500)).toEqual(someSession());
    });

    it("migrates once when 20 processes open an empty database at the same time", async () => {
      const { succeeded, errors } = await openTogether(
        `openPostgresStore(${JSON.stringify({ connectionString })})`,
      );
      expect([succeeded, errors]).toEqual([20, ""]);
      expect(await psql("SELECT version FROM sallyport.schema_version")).toBe("2");
      expect(await psql("SELECT count(*), max(seq) FROM sallyport.changes")).toBe("20|20");
    }, 60_000);

    it("refuses a schema of a newer release, and leaves it as it was", async () => {
      await (await open())[Symbol.asyncDispose]();
      await psql("UPDATE sallyport.schema_version SET version = 999");
      await expect(open()).rejects.toMatchObject({ code: "store/incompatible" });
      expect(await psql("SELECT version FROM sallyport.schema_version")).toBe("999");
    });

    it("leaves nothing behind when it cannot migrate", async () => {
      await psql("CREATE SCHEMA sallyport; CREATE TABLE sallyport.sessions (theirs int)");
      await expect(open()).rejects.toMatchObject({ code: "store/unavailable" });
      expect(await psql("SELECT to_regclass('sallyport.users')")).toBe("");
      expect(MIGRATE).toContain("sallyport.users");
    });

    it("needs no more than a schema of its own", async () => {
      await psql("CREATE ROLE plain LOGIN PASSWORD 'plain'; CREATE SCHEMA sallyport AUTHORIZATION plain");
      const url = new URL(connectionString);
      [url.username, url.password] = ["plain", "plain"];
      await using store = await openPostgresStore({ connectionString: url.href });
      await store.addUser(someUser());
      expect(await store.userByName("ada")).toEqual(someUser());
    });

    it("says that the user may not make the schema", async () => {
      await psql("CREATE ROLE nobody LOGIN PASSWORD 'nobody'");
      const url = new URL(connectionString);
      [url.username, url.password] = ["nobody", "nobody"];
      await expect(openPostgresStore({ connectionString: url.href })).rejects.toMatchObject({
        code: "store/unwritable",
      });
    });

    it.each<[string, (url: URL) => void]>([
      ["the password is wrong", (url) => void (url.password = "hunter2")],
      ["there is no such database", (url) => void (url.pathname = "/hunter1")],
      ["nothing listens there", (url) => void (url.port = "1")],
      ["the name does not resolve", (url) => void (url.hostname = "db.invalid")],
      ["the server knows no such setting", (url) => void (url.search = "?no_such=1")],
      ["the server speaks no TLS", (url) => void (url.search = "?sslmode=verify-full")],
    ])("says so when %s, without the password", async (_, change) => {
      const url = new URL(connectionString);
      change(url);
      const error = await openPostgresStore({ connectionString: url.href }).catch((error) => error);
      expect(error).toMatchObject({ code: "store/unavailable" });
      const shown = Deno.inspect(error, { depth: 9, showHidden: true }) + error.hint;
      expect(shown).not.toMatch(/never-in-a-message|hunter2|postgres:\/\//);
    });

    it("gives up a server that accepts and says nothing", async () => {
      using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const accepted = silent.accept();
      const url = `postgres://a:b@127.0.0.1:${silent.addr.port}/x?sslmode=disable`;
      await expect(openPostgresStore({ connectionString: url, connectTimeoutMs: 100 })).rejects.toMatchObject(
        {
          code: "store/unavailable",
        },
      );
      (await accepted).close();
    });

    it("opens no more connections than it may", async () => {
      await using store = await openPostgresStore({ connectionString, maxConnections: 2 });
      await Promise.all(Array.from({ length: 50 }, (_, n) => store.useOnce(`value-${n}`, 1)));
      const count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sallyport'" +
        " AND datname = current_database()";
      expect(Number(await psql(count))).toBeLessThanOrEqual(2);
    });

    it("gives up a statement that takes too long, and keeps nothing of it", async () => {
      await using store = await openPostgresStore({ connectionString, statementTimeoutMs: 100 });
      await psql(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(10); RETURN NEW; END';
        CREATE TRIGGER slow BEFORE INSERT ON sallyport.users FOR EACH ROW EXECUTE FUNCTION slow()`);
      await expect(store.addUser(someUser())).rejects.toMatchObject({ code: "store/unavailable" });
      expect(await store.userById("user-1")).toBeNull();
      expect(await psql("SELECT last FROM sallyport.change_counter")).toBe("0");
    });

    it("loses no session that a killed process knew to be kept, and nothing is left half-way", async () => {
      await using store = await open();
      await store.addUser(someUser());
      const kept = await killWriter(`openPostgresStore(${JSON.stringify({ connectionString })})`, {
        afterSessions: 200,
      });
      const ids = new Set((await store.sessionsOf("user-1", 0)).map(({ id }) => id));
      expect(kept.filter((id) => !ids.has(id))).toEqual([]);
      expect(kept.length).toBeGreaterThanOrEqual(200);
      const [sessions, changes, last] = await Promise.all([
        psql("SELECT count(*) + 1 FROM sallyport.sessions"),
        psql("SELECT count(*) FROM sallyport.changes"),
        psql("SELECT last FROM sallyport.change_counter"),
      ]);
      expect([changes, last]).toEqual([sessions, sessions]);
    }, 30_000);
  });
});
