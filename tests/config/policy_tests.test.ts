import { describe, expect, it } from "vitest";
import { codesOf, load, oneRoute } from "./_load.ts";

const policy = [{
  allow: { and: [{ "claim/groups": "engineering" }, { source_ip: "10.0.0.0/8" }] },
  deny: { or: [{ email: "eve@example.com" }] },
}];
const ada = { email: "ada@example.com", groups: ["engineering"] };

/** Loads a route with this policy and these tests. */
function loadTests(tests: unknown, keys: Readonly<Record<string, unknown>> = { policy }) {
  return load(oneRoute({ allow_any_authenticated_user: false, ...keys, tests }));
}

describe("the tests of a route", () => {
  it.each<[string, Record<string, unknown>]>([
    ["who meets an allow rule", { user: ada, ip: "10.1.2.3", expect: "allow" }],
    ["who meets a part of one", { user: ada, ip: "192.0.2.7", expect: "deny" }],
    ["an address that is not known", { user: ada, expect: "deny" }],
    ["who is given by email alone", { user: "ada@example.com", ip: "10.1.2.3", expect: "deny" }],
    ["who meets a deny rule", { user: { ...ada, email: "eve@example.com" }, ip: "10.1.2.3", expect: "deny" }],
    ["who is not signed in", { ip: "10.1.2.3", expect: "login" }],
    ["who is said not to be", { user: null, ip: "10.1.2.3", expect: "login" }],
    ["claims that are written out", {
      user: { claims: { groups: "engineering" } },
      ip: "10.1.2.3",
      expect: "allow",
    }],
    [
      "claims before groups",
      { user: { ...ada, claims: { groups: [] } }, ip: "10.1.2.3", expect: "deny" },
    ],
  ])("pass for %s", async (_, test) => {
    const loaded = await loadTests([test]);
    expect(codesOf(loaded)).toEqual([]);
    expect(loaded).toMatchObject({ testsRun: 1, config: { routes: [{}] } });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["the id of the user", { allowed_users: ["17"] }, { user: { id: 17 }, expect: "allow" }],
    ["the groups of the user", { policy: { allow: { or: [{ groups: "a" }] } } }, {
      user: { groups: ["a"] },
      expect: "allow",
    }],
    ["the domain of the email", { allowed_domains: ["example.com"] }, {
      user: "ada@example.com",
      expect: "allow",
    }],
    ["no id that a policy names", { allowed_users: ["ada@example.com"] }, {
      user: { email: "eve@example.com" },
      expect: "deny",
    }],
    ["a public route", { allow_public_unauthenticated_access: true }, { expect: "allow" }],
    ["a route that lets nobody in", {}, { user: "ada@example.com", expect: "deny" }],
  ])("tell %s", async (_, keys, test) => {
    const { config, complaints } = await loadTests([test], keys);
    expect(complaints.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(config).not.toBeNull();
  });

  it("fail at the line of what they expect, with the reasons", async () => {
    const { config, complaints, testsRun } = await load(`
routes:
- from: tcp+https://a:1
  to: tcp://b:1
  policy:
  - allow: {or: [{email: ada@example.com}, {claim/groups: ops}]}
    deny: {or: [{source_ip: 10.0.0.0/8}]}
  tests:
  - name: engineers
    user: {email: bob@example.com, groups: [engineering]}
    ip: 192.0.2.7
    expect: allow
  - {expect: deny}`);
    expect(config).toBeNull();
    expect(testsRun).toBe(2);
    expect(complaints).toMatchObject([
      {
        severity: "error",
        code: "config/test-failed",
        line: 12,
        column: 13,
        message: 'The test "engineers" expects allow, and the policy answers deny: ' +
          "allow is false (email-unauthorized, claim-unauthorized), deny is false (source-ip-unauthorized)",
      },
      {
        line: 13,
        message: "This test expects deny, and the policy answers login: " +
          "allow is false (user-unauthenticated), deny is false (source-ip-unauthorized)",
      },
    ]);
  });

  it("say when there is no rule to give a reason", async () => {
    const { complaints } = await loadTests([{ user: "a@example.com", expect: "allow" }], { policy: [] });
    expect(complaints[0]!.message).toContain(
      "allow is false (there is no rule), deny is false (there is no rule)",
    );
  });

  it("take place at the same time every day, or when they say", async () => {
    const thursdays = { policy: { allow: { or: [{ day_of_week: "thu" }] } } };
    const tests = [
      { expect: "allow" },
      { at: "2026-01-02T12:00:00Z", expect: "deny" },
      { at: "2026-01-02T00:30:00+01:00", expect: "allow" },
    ];
    expect(codesOf(await loadTests(tests, thursdays))).toEqual([]);
  });

  it("ask about requests on routes that have them", async () => {
    const keys = {
      from: "https://a.example.com",
      to: "http://b",
      policy: { allow: { and: [{ http_method: "POST" }, { http_path: { starts_with: "/hook" } }] } },
    };
    const tests = [
      { method: "POST", path: "/hook/x", expect: "allow" },
      { method: "POST", expect: "deny" },
      { path: "/hook", expect: "deny" },
    ];
    expect(codesOf(await loadTests(tests, keys))).toEqual([]);
    const tunnel = { policy: { allow: { or: [{ http_method: "GET" }] } } };
    expect(codesOf(await loadTests([{ expect: "deny" }], tunnel))).toEqual([]);
    const { complaints } = await loadTests([{ method: "POST", expect: "login", ip: "10.0.0.1" }]);
    expect(complaints[0]!.message).toBe("method has no effect on routes from tcp+https://");
  });

  it.each<[string, unknown, string, string]>([
    ["no list", { expect: "allow" }, "config/wrong-type", '{"expect"'],
    ["no mapping", ["x"], "config/wrong-type", '"x"'],
    ["nothing that is expected", [{ user: "a@example.com" }], "config/missing-key", '{"user"'],
    ["an unknown key", [{ expct: "allow", expect: "deny" }], "config/unknown-key", '"expct"'],
    ["an unknown answer", [{ expect: "allowed" }], "config/bad-value", '"allowed"'],
    ["an address that is none", [{ ip: "10.0.0.0/8", expect: "deny" }], "config/bad-value", '"10.0.0.0/8"'],
    ["a time without zone", [{ at: "2026-01-01T12:00:00", expect: "deny" }], "config/bad-value", '"2026'],
    ["a day that is none", [{ at: "2026-02-30T12:00:00Z", expect: "deny" }], "config/bad-value", '"2026'],
    ["a month that is none", [{ at: "2026-13-01T12:00:00Z", expect: "deny" }], "config/bad-value", '"2026'],
    ["a user that is a list", [{ user: ["a"], expect: "deny" }], "config/wrong-type", '["a"]'],
    ["a user without a name", [{ user: "", expect: "deny" }], "config/wrong-type", '""'],
    ["an unknown key of the user", [{ user: { mail: "a" }, expect: "deny" }], "config/bad-value", '{"mail"'],
    ["groups that are a text", [{ user: { groups: "a" }, expect: "deny" }], "config/wrong-type", '"a"'],
    ["claims that are a list", [{ user: { claims: ["a"] }, expect: "deny" }], "config/wrong-type", '["a"]'],
    ["an empty id", [{ user: { id: "" }, expect: "deny" }], "config/bad-value", '""'],
    ["a path with a query", [{ path: "/x?y", expect: "deny" }], "config/bad-value", '"/x?y"'],
    ["a method that is none", [{ method: "G T", expect: "deny" }], "config/bad-value", '"G T"'],
  ])("are refused with %s, at its place", async (_, tests, code, place) => {
    const { config, complaints } = await loadTests(tests);
    expect(config).toBeNull();
    const [complaint] = complaints.filter(({ severity }) => severity === "error");
    expect(complaint!.code).toBe(code);
    const [line, caret] = complaint!.excerpt.split("\n");
    expect(line!.slice(caret!.length - 1)).toMatch(new RegExp(`^${RegExp.escape(place)}`));
  });

  it("stop after 10,000 in the file", async () => {
    const tests = "tests: &tests [" + "{expect: login},".repeat(5001) + "]";
    const route = (name: string, tests: string) =>
      `- {from: tcp+https://${name}:1, to: tcp://b:1, allow_any_authenticated_user: true, ${tests}}`;
    const loaded = await load(`routes:\n${route("a", tests)}\n${route("b", "tests: *tests")}`);
    expect(loaded.testsRun).toBe(10_000);
    expect(codesOf(loaded)).toEqual(["error config/too-large"]);
  });

  it("are not run on a policy that cannot be read", async () => {
    const loaded = await loadTests([{ expect: "allow" }], { policy: "everyone" });
    expect(codesOf(loaded)).toEqual(["error policy/not-an-object"]);
    expect(loaded.testsRun).toBe(0);
  });
});
