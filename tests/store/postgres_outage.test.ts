import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { openPostgresStore } from "../../lib/store/postgres_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { FreezableProxy } from "../_support/freezable_proxy.ts";
import { requirePostgres, startPostgres, type TestPostgres } from "../_support/postgres.ts";
import { until } from "../_support/until.ts";
import { Heard } from "./change_feed_contract.ts";
import { someSession, someUser } from "./contract.ts";

/** Longer than any test takes. */
const NEVER_MS = 3_600_000;

describe.skipIf(!requirePostgres())("a store in PostgreSQL", () => {
  let caPem: string;
  let server: TestPostgres;
  let connectionString: string;
  beforeAll(async () => {
    const authority = await createAuthority({ now: Date.now(), commonName: "test" });
    const issued = await issueServerCertificate({
      authority,
      names: ["db.test", "127.0.0.1"],
      now: Date.now(),
    });
    caPem = authority.certPem;
    server = await startPostgres({
      settings: ["ssl=on", "ssl_cert_file=server.crt", "ssl_key_file=server.key"],
      async prepare(data) {
        await Deno.writeTextFile(`${data}/server.crt`, issued.certPem);
        await Deno.writeTextFile(`${data}/server.key`, issued.keyPem, { mode: 0o600 });
      },
    });
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    connectionString = await server.database();
  });

  /** Through a proxy, or with other parameters. */
  function address({ port, search = "" }: { port?: number; search?: string }): string {
    const url = new URL(connectionString);
    if (port !== undefined) url.port = String(port);
    url.search = search;
    return url.href;
  }

  it("tells a watcher, after the server was down, of all that was written before and after", async () => {
    await using watched = await openPostgresStore({ connectionString, pollEveryMs: NEVER_MS });
    using heard = new Heard(watched);
    await watched.addUser(someUser());
    await heard.until("user user-1");
    await server.crash();
    await expect(watched.removeUser("user-1")).rejects.toMatchObject({ code: "store/unavailable" });
    await server.start();
    await using other = await openPostgresStore({ connectionString });
    for (let n = 0; n < 20; n++) await other.addSession(someSession({ id: `s${n}` }));
    await heard.until("session s19");
    const sessions = Array.from({ length: 20 }, (_, n) => `session s${n}`);
    expect(heard.changes).toEqual(["user user-1", ...sessions]);
    await until(() => heard.errors.length > 0);
    expect(await watched.userById("user-1")).toEqual(someUser());
  }, 30_000);

  it("tells a watcher of what was written while it was cut off", async () => {
    using proxy = new FreezableProxy(server.port);
    await using watched = await openPostgresStore({
      connectionString: address({ port: proxy.port }),
      pollEveryMs: NEVER_MS,
    });
    await using other = await openPostgresStore({ connectionString });
    using heard = new Heard(watched);
    await other.addUser(someUser());
    await heard.until("user user-1");
    proxy.cut();
    await other.addSession(someSession());
    await heard.until("session session-1");
    expect(heard.changes).toEqual(["user user-1", "session session-1"]);
  });

  it("finds what was written when its connections have fallen silent", async () => {
    using proxy = new FreezableProxy(server.port);
    await using watched = await openPostgresStore({
      connectionString: address({ port: proxy.port }),
      maxConnections: 1,
      statementTimeoutMs: 200,
      connectTimeoutMs: 200,
      pollEveryMs: 100,
    });
    await using other = await openPostgresStore({ connectionString });
    using heard = new Heard(watched);
    await other.addUser(someUser());
    await heard.until("user user-1");
    proxy.freeze();
    await other.addSession(someSession());
    await expect(watched.userById("user-1")).rejects.toMatchObject({ code: "store/unavailable" });
    await heard.until("session session-1");
    expect(heard.changes).toEqual(["user user-1", "session session-1"]);
    expect(await watched.userById("user-1")).toEqual(someUser());
  }, 20_000);

  it("survives a server that crashes under load, again and again", async () => {
    await using store = await openPostgresStore({ connectionString });
    await store.addUser(someUser());
    using heard = new Heard(store);
    const kept: string[] = [];
    let isOver = false;
    const writers = Array.from({ length: 20 }, async (_, writer) => {
      for (let n = 0; !isOver; n++) {
        const id = `${writer}-${n}`;
        if (await succeeds(store, id)) kept.push(id);
      }
    });
    for (let crash = 0; crash < 3; crash++) {
      const before = kept.length;
      while (kept.length < before + 50) await new Promise((resolve) => setTimeout(resolve, 5));
      await server.crash();
      await server.start();
    }
    isOver = true;
    await Promise.all(writers);
    const ids = new Set((await store.sessionsOf("user-1", 0)).map(({ id }) => id));
    expect(kept.filter((id) => !ids.has(id))).toEqual([]);
    await store.addUser(someUser({ id: "last", name: "last" }));
    await heard.until("user last");
    expect(heard.changes.toSorted()).toEqual(
      ["user last", ...[...ids].map((id) => `session ${id}`)].toSorted(),
    );
  }, 60_000);

  it.each([
    ["the address is in the certificate", "?sslmode=verify-full", true, "127.0.0.1"],
    ["the name is not to be verified", "?sslmode=verify-ca", true, "localhost"],
    ["nothing is to be verified", "?sslmode=require", false, "localhost"],
  ])("speaks TLS when %s", async (_, search, hasCa, hostname) => {
    const url = new URL(address({ search }));
    url.hostname = hostname;
    await using store = await openPostgresStore({ connectionString: url.href, ...(hasCa ? { caPem } : {}) });
    await store.addUser(someUser());
    const query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)" +
      " WHERE application_name = 'sallyport' AND datname = current_database()";
    expect(await server.psql(connectionString, query)).toBe("t");
  });

  it.each([
    ["by an authority that nobody trusts", "?sslmode=verify-full", false, "127.0.0.1"],
    ["for another name", "?sslmode=verify-full", true, "localhost"],
    [
      "by an authority that nobody trusts, though only TLS was asked for",
      "?sslmode=verify-ca",
      false,
      "127.0.0.1",
    ],
  ])("refuses a server with a certificate %s", async (_, search, hasCa, hostname) => {
    const url = new URL(address({ search }));
    url.hostname = hostname;
    const options = { connectionString: url.href, ...(hasCa ? { caPem } : {}) };
    await expect(openPostgresStore(options)).rejects.toMatchObject({ code: "store/unavailable" });
  });
});

async function succeeds(store: Store, id: string): Promise<boolean> {
  try {
    await store.addSession(someSession({ id }));
    return true;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return false;
  }
}
