import { describe, expect, it } from "vitest";
import { codesOf, load, oneRoute } from "./_load.ts";

describe("loadConfig() reads a route", () => {
  it("with everything that it can say", async () => {
    const { config, complaints } = await load(`
routes:
  - name: Database
    description: Orders
    from: tcp+https://db.example.com:5432
    to: [tcp://db1:5432, tcp://localhost]
    policy: [{allow: {or: [{email: a@example.com}]}}]
    timeout: 8h
    idle_timeout: 10m
    max_session_duration: 8h
    tests: [{user: a@example.com, expect: allow}]`);
    expect(complaints).toEqual([]);
    expect(config!.routes).toMatchObject([{
      name: "Database",
      description: "Orders",
      from: { url: "tcp+https://db.example.com:5432", protocol: "tcp" },
      to: [{ host: "db1", port: 5432, weight: 1 }, { host: "127.0.0.1", port: 80 }],
      policy: { isEmpty: false },
      timeoutMs: 28_800_000,
      idleTimeoutMs: 600_000,
      maxSessionDurationMs: 28_800_000,
      showErrorDetails: false,
      line: 3,
    }]);
    expect(Object.isFrozen(config!.routes[0])).toBe(true);
  });

  it("with its settings as they were written, aliases replaced, frozen throughout", async () => {
    const { config } = await load(`
routes:
  - from: tcp+https://a:1
    to: tcp://a:1
    policy: &policy [{allow: {or: [{email: {in: [a@example.com]}}]}}]
  - from: tcp+https://b:1
    to: [tcp://b:1]
    policy: *policy
    timeout: 1h
    unknown: {key: 1}`);
    const policy = [{ allow: { or: [{ email: { in: ["a@example.com"] } }] } }];
    expect(config!.routes.map(({ settings }) => settings)).toEqual([
      { from: "tcp+https://a:1", to: "tcp://a:1", policy },
      { from: "tcp+https://b:1", to: ["tcp://b:1"], policy, timeout: "1h", unknown: { key: 1 } },
    ]);
    const { settings } = config!.routes[1]!;
    const inside = (settings.policy as typeof policy)[0]!.allow.or[0]!.email.in;
    for (const part of [settings, settings.to, settings.unknown, settings.policy, inside]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("that shows the details of errors, where it has pages", async () => {
    const keys = { from: "https://a.example.com", to: "http://b", show_error_details: true };
    expect((await load(oneRoute(keys))).config!.routes[0]!.showErrorDetails).toBe(true);
  });

  it.each([[undefined, null], ["true", null], ["false", 443]])(
    "from https without a port, with match_any_incoming_port %s, for port %s",
    async (flag, port) => {
      const route = { from: "https://a.example.com", to: "http://b", allowed_users: ["a"] };
      const runtime_flags = flag === undefined ? {} : { match_any_incoming_port: flag };
      const { config } = await load(JSON.stringify({ routes: [route], runtime_flags }));
      expect(config!.matchAnyIncomingPort).toBe(port === null);
      expect(config!.routes[0]!.from.destinations).toEqual([{ host: "a.example.com", port }]);
      expect(config!.routes[0]!.from.gateway.port).toBe(port);
    },
  );

  it("that has no name by what it answers to", async () => {
    const { config } = await load(oneRoute({}));
    expect(config!.routes[0]!.name).toBe("tcp+https://db.example.com:5432");
  });

  it("of the older list before those of the newer one", async () => {
    const route = (name: string) => ({
      name,
      from: `tcp+https://${name}:1`,
      to: "tcp://x:1",
      allowed_users: [1],
    });
    const { config } = await load(JSON.stringify({ routes: [route("new")], policy: [route("old")] }));
    expect(config!.routes.map(({ name }) => name)).toEqual(["old", "new"]);
  });

  it.each([
    [{ allow_public_unauthenticated_access: true }],
    [{ allow_any_authenticated_user: "true" }],
    [{ allowed_users: ["a@example.com", 17] }],
    [{ allowed_domains: ["example.com"] }],
    [{ allowed_idp_claims: { groups: ["a", 5, true] } }],
    [{ policy: { allow: { or: [{ accept: true }] } } }],
  ])("that lets people in by %j", async (keys) => {
    const { config, complaints } = await load(oneRoute({ allow_any_authenticated_user: false, ...keys }));
    expect(complaints).toEqual([]);
    expect(config!.routes[0]!.policy.isEmpty).toBe(false);
  });

  it.each([[{}], [{ policy: [] }], [{ policy: null }], [{ policy: { allow: { or: [] } } }]])(
    "that lets nobody in, %j, with a warning",
    async (keys) => {
      const loaded = await load(oneRoute({ allow_any_authenticated_user: false, ...keys }));
      expect(codesOf(loaded)).toEqual(["warning config/denies-everyone"]);
      expect(loaded.config!.routes[0]!.policy.isEmpty).toBe(true);
    },
  );
});

describe("the id of a route", () => {
  async function idOf(keys: Readonly<Record<string, unknown>>): Promise<string> {
    return (await load(oneRoute(keys))).config!.routes[0]!.id;
  }

  it("stays the same when anything but what makes it this route changes", async () => {
    const id = await idOf({});
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(await idOf({ name: "x", timeout: "1s", allowed_idp_claims: {} })).toBe(id);
    expect(await idOf({ to: ["tcp://10.0.0.5:5432"] })).toBe(id);
  });

  it.each([
    [{ from: "tcp+https://db.example.com:5433" }],
    [{ to: "tcp://10.0.0.6:5432" }],
    [{ to: "tcp://10.0.0.5:5432,2" }],
    [{ prefix: "/x" }],
    [{ path: "/x" }],
    [{ regex: "/x" }],
  ])("is another with %j", async (keys) => {
    expect(await idOf(keys)).not.toBe(await idOf({}));
  });
});

describe("loadConfig() refuses a route", () => {
  it.each<[string, Record<string, unknown>, string, string[]]>([
    ["without from", { from: null }, "config/missing-key", ["from"]],
    ["without to", { to: null }, "config/missing-key", []],
    ["with to and redirect", { redirect: { https_redirect: true } }, "config/conflict", ["redirect"]],
    ["with a from that is no text", { from: ["x"] }, "config/wrong-type", ["from"]],
    ["with a from that is no URL", { from: "db:5432" }, "config/bad-from", ["from"]],
    ["with a to that is no URL", { to: "db:5432" }, "config/bad-to", ["to"]],
    ["with an empty list of upstreams", { to: [] }, "config/bad-to", ["to"]],
    ["with a weight of zero", { to: ["tcp://a,0"] }, "config/bad-to", ["to"]],
    ["with weights for some", { to: ["tcp://a,1", "tcp://b"] }, "config/mixed-upstreams", ["to"]],
    ["with tcp beside http", { to: ["tcp://a", "http://b"] }, "config/mixed-upstreams", ["to"]],
    ["with http beside udp", { to: ["http://a", "udp://b"] }, "config/mixed-upstreams", ["to"]],
    ["with unix beside http", { to: ["unix:///a", "http://b"] }, "config/mixed-upstreams", ["to"]],
    ["with a policy that is a text", { policy: "everyone" }, "policy/not-an-object", ["policy"]],
    [
      "with a criterion of two keys",
      { policy: { allow: { or: [{ email: "a", domain: "b" }] } } },
      "policy/criterion-not-one-key",
      ["policy"],
    ],
    [
      "with an unknown criterion",
      { policy: { deny: { or: [{ weather: "rain" }] } } },
      "policy/unknown-criterion",
      ["policy"],
    ],
    [
      "with shorthands that contradict each other",
      { allowed_users: ["a"] },
      "policy/shorthand-conflict",
      ["allowed_users"],
    ],
    ["with a user list that is a text", { allowed_users: "a" }, "config/wrong-type", ["allowed_users"]],
    ["with a rounded number for a user", { allowed_users: [2 ** 60] }, "config/wrong-type", []],
    ["with claims that are a list", { allowed_idp_claims: ["a"] }, "config/wrong-type", []],
    ["with claims that are a text", { allowed_idp_claims: { groups: "a" } }, "config/wrong-type", []],
    ["with a timeout of a wrong type", { timeout: 30 }, "config/wrong-type", ["timeout"]],
    ["with a timeout of more than 400 days", { timeout: "401d" }, "config/bad-value", ["timeout"]],
    ["with a removed key", { allowed_groups: ["a"] }, "config/removed-key", ["allowed_groups"]],
    [
      "with policies that would not be enforced",
      { sub_policies: [] },
      "config/unenforced-key",
      ["sub_policies"],
    ],
  ])("%s", async (_, keys, code, [key]) => {
    const loaded = await load(oneRoute(keys));
    expect(loaded.config).toBeNull();
    expect(codesOf(loaded).filter((found) => found.startsWith("error"))).toEqual([`error ${code}`]);
    if (key !== undefined) expect(loaded.complaints[0]!.excerpt).toContain(key);
  });

  it("that is the same as another, naming the line of the first", async () => {
    const route = "from: tcp+https://a:1\n  to: tcp://b:1\n  allow_any_authenticated_user: true\n";
    const loaded = await load(`routes:\n- ${route}- name: twin\n  ${route}`);
    expect(codesOf(loaded)).toEqual(["error config/duplicate-route"]);
    expect(loaded.complaints[0]).toMatchObject({ line: 5, message: expect.stringContaining("line 2") });
  });

  it("of ssh that leads to anything but one ssh server", async () => {
    const codes = await Promise.all(
      [["ssh://a:22"], ["ssh://a:22", "ssh://b:22"], ["tcp://a:22"]].map(async (to) =>
        codesOf(await load(oneRoute({ from: "ssh://a", to })))
      ),
    );
    expect(codes.map((found) => found.includes("error config/bad-to"))).toEqual([false, true, true]);
  });

  it("at the value of a policy that is wrong, deep inside", async () => {
    const { complaints } = await load(`
routes:
- from: tcp+https://a:1
  to: tcp://b:1
  policy:
  - allow:
      or:
      - email: {is: x}
      - claim/groups: {is: [1]}`);
    expect(complaints).toMatchObject([{ code: "policy/bad-data", line: 9, column: 28 }]);
  });
});

describe("the idle limit of a route", () => {
  it.each([
    ["tcp+https://a:1", "tcp://b:1", undefined, 0],
    ["udp+https://a:1", "udp://b:1", undefined, 120_000],
    ["udp+https://a:1", "udp://b:1", "0", 0],
    ["udp+https://a:1", "udp://b:1", "5s", 5000],
  ])("from %s to %s with idle_timeout %s is %d ms", async (from, to, idle_timeout, ms) => {
    const { config } = await load(oneRoute({ from, to, idle_timeout }));
    expect(config!.routes[0]!.idleTimeoutMs).toBe(ms);
  });
});

describe("loadConfig() warns of a route", () => {
  it.each([["ssh://a", "ssh://b:22", "Routes from ssh://"]])(
    "from %s, once for all of its kind",
    async (from, to, message) => {
      const routes = ["x", "y", "z"].map((name) => ({
        from: from.replace("a", name),
        to,
        allowed_domains: ["example.com"],
      }));
      const loaded = await load(JSON.stringify({ routes }));
      expect(codesOf(loaded)).toEqual(["warning config/not-served"]);
      expect(loaded.complaints[0]!.message).toContain(message);
      expect(loaded.complaints[0]!.message).toContain("(and 2 more places)");
      expect(loaded.config!.routes).toHaveLength(3);
    },
  );

  it.each(["h2c://next", "udp://next:1", "unix:///run/x.sock"])(
    "for TCP that leads to %s",
    async (to) => {
      const loaded = await load(oneRoute({ to }));
      expect(codesOf(loaded)).toEqual(["warning config/not-served"]);
      expect(loaded.complaints[0]!.message).toContain("503");
      expect(`${loaded.config!.routes[0]!.to[0]!.scheme}:`).toBe(to.split("//")[0]);
    },
  );

  it.each(["tcp://next:1", "h2c://next"])("for UDP that leads to %s", async (to) => {
    const loaded = await load(oneRoute({ from: "udp+https://a.example.com:53", to }));
    expect(codesOf(loaded)).toEqual(["warning config/not-served"]);
    expect(loaded.complaints[0]!.message).toMatch(/udp:\/\/, http:\/\/, https:\/\/ only.*503/);
  });

  it("from plain http", async () => {
    const { complaints } = await load(oneRoute({ from: "http://a.example.com", to: "http://b" }));
    expect(complaints.map(({ hint }) => hint)).toContain("write https://");
  });

  it("that has keys of no effect, once for each key", async () => {
    const routes = [1, 2, 3].map((port) => ({
      from: `tcp+https://a:${port}`,
      to: "tcp://b:1",
      allowed_users: ["a"],
      tls_downstream_server_name: "x",
      regex_rewrite_pattern: "x",
    }));
    const { complaints } = await load(JSON.stringify({ routes }));
    expect(complaints.map(({ message }) => message)).toEqual([
      "tls_downstream_server_name has no effect in this version (and 2 more places)",
      "regex_rewrite_pattern has no effect on routes from tcp+https:// (and 2 more places)",
    ]);
  });

  it.each([
    ["udp+https://a:1", "udp://b:1", "send_proxy_protocol", "udp+https"],
    ["ssh://a", "ssh://b:1", "timeout", "ssh"],
    ["ssh://a", "ssh://b:1", "set_request_headers", "ssh"],
    ["udp+https://a:1", "udp://b:1", "health_checks", "udp+https"],
  ])("from %s to %s that has %s", async (from, to, key, scheme) => {
    const value = { send_proxy_protocol: "v1", timeout: "1h" }[key] ?? {};
    const { complaints } = await load(oneRoute({ from, to, [key]: value }));
    expect(complaints.map(({ message }) => message)).toContain(
      `${key} has no effect on routes from ${scheme}://`,
    );
  });

  it("whose keys follow a from that is no URL, about the URL alone", async () => {
    const loaded = await load(oneRoute({ from: "x", show_error_details: true }));
    expect(codesOf(loaded)).toEqual(["error config/bad-from"]);
  });

  it("that answers by itself, and keeps it", async () => {
    const { config, complaints } = await load(
      oneRoute({ from: "https://a.example.com", to: undefined, response: { status: 200 } }),
    );
    expect(complaints).toEqual([]);
    expect(config!.routes[0]!.to).toEqual([]);
  });
});
