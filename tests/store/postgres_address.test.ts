import { describe, expect, it } from "vitest";
import { parsePostgresAddress } from "../../lib/store/_postgres_address.ts";

describe("parsePostgresAddress()", () => {
  it.each([
    ["postgres://ann@db", {
      host: "db",
      port: 5432,
      database: "ann",
      username: "ann",
      ssl: "prefer",
    }],
    ["postgresql://ann:p%40ss@db:6000/x", { port: 6000, database: "x" }],
    ["postgres://ann@[::1]/x", { host: "::1" }],
    ["postgres://ann@localhost/x?host=/run/pg", { path: "/run/pg/.s.PGSQL.5432", ssl: false }],
    ["postgres://ann@db/x?sslmode=disable", { ssl: false }],
    ["postgres://ann@db/x?sslmode=require", { ssl: "require" }],
    ["postgres://ann@db/x?sslmode=verify-full", { ssl: { servername: "db", host: "db" } }],
    ["postgres://ann@192.0.2.1/x?sslmode=verify-full", { ssl: { host: "192.0.2.1" } }],
    ["postgres://ann@db/x?search_path=y&sslrootcert=/ca.pem", {
      connection: { application_name: "sallyport", search_path: "y" },
    }],
  ])("reads %s", (text, expected) => {
    expect(parsePostgresAddress(text)).toMatchObject(expected);
  });

  it.each([["ann:p%40s%2Fs", "p@s/s"], ["ann:", ""], ["ann", ""]])(
    "reads the password of %s",
    (user, password) => {
      const address = parsePostgresAddress(`postgres://${user}@db/x`);
      expect((address.password as () => string)()).toBe(password);
      expect(Deno.inspect(address, { depth: 9 })).not.toContain("p@s/s");
    },
  );

  it.each(["prefer", "require", "verify-ca", "verify-full"])(
    "verifies by an authority with sslmode=%s",
    (mode) => {
      const { ssl } = parsePostgresAddress(`postgres://ann@db/x?sslmode=${mode}`, { caPem: "PEM" });
      expect(ssl).toMatchObject({ ca: "PEM", servername: "db" });
      expect(Object.hasOwn(ssl as object, "checkServerIdentity")).toBe(mode !== "verify-full");
    },
  );

  it.each([
    "hunter2",
    "mysql://ann:hunter2@db",
    "postgres://:hunter2@db",
    "postgres://ann:hunter2%@db",
    "postgres://ann:hunter2@db:99999/x",
    "postgres://ann:hunter2@db/x?sslmode=hunter2",
    `postgres://ann:hunter2@db/${"x".repeat(5000)}`,
  ])("refuses %s without repeating any of it", (text) => {
    let error: unknown;
    try {
      parsePostgresAddress(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "store/unavailable", hint: expect.any(String) });
    expect(Deno.inspect(error, { depth: 9, showHidden: true })).not.toContain("hunter2");
  });
});
