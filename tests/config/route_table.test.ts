import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFrom } from "../../lib/config/from_url.ts";
import type { PathRule } from "../../lib/config/http_settings.ts";
import { RouteTable } from "../../lib/config/route_table.ts";
import type { Route, RouteProtocol } from "../../lib/config/config.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { compilePolicy } from "../../lib/policy/compile.ts";

const policy = compilePolicy(parsePolicy([]));

/** A table of routes that are named by their place in the list: what it looks at of them. */
function tableOf(...urls: readonly string[]): RouteTable {
  return new RouteTable(urls.map((url, index) => ({
    id: `${index}`,
    from: parseFrom(url),
    http: null,
    policy,
  } as Partial<Route> as Route)));
}

/** A table of HTTP routes. */
function httpTableOf(...routes: readonly [url: string, path: PathRule][]): RouteTable {
  return new RouteTable(routes.map(([url, path], index) => ({
    id: `${index}`,
    from: parseFrom(url),
    http: { path },
  } as unknown as Route)));
}

function matched(table: RouteTable, host: string, port: number, protocol: RouteProtocol = "tcp") {
  return table.match(protocol, { host, port })?.id ?? null;
}

describe("RouteTable.match()", () => {
  const table = tableOf(
    "tcp+https://*.example.com:22",
    "tcp+https://db.example.com:22",
    "tcp+https://any.example.com",
    "tcp+https://any.example.com:22",
    "tcp+https://proxy:8443/inner.example.com:1/other:2",
    "udp+https://db.example.com:22",
    "tcp+https://db.example.com:22",
    "tcp+https://*.net",
    "tcp+https://a.*.net:7",
    "https://web.example.com",
  );
  it.each<[string, number, RouteProtocol, string | null]>([
    ["db.example.com", 22, "tcp", "1"],
    ["DB.Example.COM", 22, "tcp", "1"],
    ["db.example.com", 23, "tcp", null],
    ["db.example.com", 22, "udp", "5"],
    ["db.example.com", 22, "http", null],
    ["x.example.com", 22, "tcp", "0"],
    ["x.y.example.com", 22, "tcp", "0"],
    ["x.example.com", 23, "tcp", null],
    ["example.com", 22, "tcp", null],
    ["x.example.com.evil.org", 22, "tcp", null],
    ["xexample.com", 22, "tcp", null],
    ["any.example.com", 22, "tcp", "3"],
    ["any.example.com", 65535, "tcp", "2"],
    ["inner.example.com", 1, "tcp", "4"],
    ["other", 2, "tcp", "4"],
    ["proxy", 8443, "tcp", null],
    ["a.b.net", 7, "tcp", "7"],
    ["web.example.com", 443, "http", "9"],
    ["web.example.com", 443, "tcp", null],
    ["web.example.com", 22, "tcp", "0"],
    ["constructor", 1, "tcp", null],
  ])("finds %s:%i by %s", (host, port, protocol, id) => {
    expect(matched(table, host, port, protocol)).toBe(id);
  });

  it("takes the first of several that fit equally", () => {
    expect(matched(tableOf("tcp+https://a*:1", "tcp+https://*a:1"), "aa", 1)).toBe("0");
    expect(matched(tableOf("tcp+https://a:1", "tcp+https://p/a:1"), "a", 1)).toBe("0");
  });

  it("finds nothing in an empty table", () => {
    expect(matched(tableOf(), "a", 1)).toBeNull();
  });

  it.each([
    ["ab*ba", "abba", true],
    ["ab*ba", "aba", false],
    ["a*b*b", "abb", true],
    ["a*b*b", "ab", false],
    ["a**b", "ab", true],
    ["*ab*", "xabx", true],
    ["*ab*ab*", "xabx", false],
  ])("takes no letter for two parts of a pattern: %s and %s", (pattern, host, expected) => {
    expect(matched(tableOf(`tcp+https://${pattern}:1`), host, 1) !== null).toBe(expected);
  });

  it("answers as a regular expression would, for every pattern and host", () => {
    const letters = (characters: string) => fc.string({ unit: fc.constantFrom(...characters), maxLength: 8 });
    fc.assert(fc.property(letters("ab*"), letters("ab"), (pattern, host) => {
      const [written, asked] = [`x${pattern}x`, `x${host}x`];
      const expression = new RegExp(`^${written.replaceAll("*", ".*")}$`);
      expect(matched(tableOf(`tcp+https://${written}:1`), asked, 1) !== null).toBe(expression.test(asked));
    }));
  });

  it("does not go back and forth in a host that nearly fits", () => {
    // With backtracking, a pattern like this one takes longer than anyone waits.
    const pattern = `${"*a".repeat(30)}*b`;
    expect(matched(tableOf(`tcp+https://${pattern}:1`), "a".repeat(253), 1)).toBeNull();
  });
});

describe("RouteTable.routesOfGateway()", () => {
  const table = tableOf(
    "tcp+https://Gate.example.com/a:1",
    "tcp+https://gate.example.com:8443/b:1",
    "https://*.example.com",
    "https://gate.*",
    "ssh://gate.example.com",
    "tcp+https://other.example.org:22",
  );
  it.each([
    ["gate.example.com", ["0", "1", "2"]],
    ["GATE.example.com", ["0", "1", "2"]],
    ["other.example.org", ["5"]],
    ["a.example.org", []],
  ])("finds those that are reached through %s", (host, ids) => {
    expect(table.routesOfGateway(host).map(({ id }) => id)).toEqual(ids);
  });
});

describe("RouteTable.namesGateway()", () => {
  const table = tableOf(
    "tcp+https://db.example.com:5432",
    "tcp+https://proxy.example.com:8443/inner:1",
    "udp+https://open.example.com/inner:1",
    "tcp+https://*.wild.example.com:22",
    "https://web.example.com:444",
    "https://plain.example.com",
    "tcp+https://default.example.com:443/inner:2",
    "ssh://shell",
    "tcp+https://db.*:1",
  );
  it.each<[string, number | null, boolean]>([
    ["db.example.com", null, true],
    ["DB.EXAMPLE.COM", null, true],
    ["db.example.com", 443, false],
    ["db.example.com", 5432, false],
    ["db.example.com", 9999, false],
    ["proxy.example.com", 8443, true],
    ["proxy.example.com", null, false],
    ["proxy.example.com", 8444, false],
    ["inner", 1, false],
    ["open.example.com", null, true],
    ["open.example.com", 1234, false],
    ["x.wild.example.com", null, true],
    ["x.y.wild.example.com", 8443, false],
    ["wild.example.com", null, false],
    ["web.example.com", 444, true],
    ["web.example.com", null, false],
    ["plain.example.com", null, true],
    ["default.example.com", null, false],
    ["default.example.com", 443, true],
    ["default.example.com", 444, false],
    ["shell", null, false],
    ["db.evil.org", null, false],
    ["evil.org", null, false],
    ["", null, false],
  ])("of %s and port %s is %s", (host, port, expected) => {
    expect(table.namesGateway(host, port)).toBe(expected);
  });
});

describe("RouteTable.matchHttp()", () => {
  const table = httpTableOf(
    ["https://*.b.test", { kind: "prefix", text: "/wild" }],
    ["https://a.test:8443", { kind: "prefix", text: "/port" }],
    ["https://a.test", { kind: "path", text: "/one" }],
    ["https://a.test", { kind: "regex", matches: (path) => path === "/one" || path === "/two" }],
    ["https://x.b.test", { kind: "path", text: "/exact" }],
    ["https://*.b.test", { kind: "any" }],
  );

  it.each<[string, number, string, string | null]>([
    ["a.test", 443, "/one", "2"],
    ["A.test", 9000, "/two", "3"],
    ["a.test", 8443, "/port/x", "1"],
    ["a.test", 443, "/port/x", null],
    ["a.test", 443, "/", null],
    ["x.b.test", 443, "/exact", "4"],
    ["x.b.test", 443, "/wild/x", "0"],
    ["y.b.test", 443, "/exact", "5"],
    ["b.test", 443, "/", null],
  ])("finds for %s:%d%s the route %s", (host, port, path, id) => {
    expect(table.matchHttp({ host, port }, path)?.id ?? null).toBe(id);
  });

  it("finds no tunnel", () => {
    expect(tableOf("tcp+https://a.test:1").matchHttp({ host: "a.test", port: 1 }, "/")).toBe(null);
  });
});
