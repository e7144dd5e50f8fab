import { describe, expect, it } from "vitest";
import type { Config } from "../../lib/config/config.ts";
import { compareConfigs } from "../../lib/config/plan_routes.ts";
import { load } from "./_load.ts";

async function configOf(data: Readonly<Record<string, unknown>>, files = {}): Promise<Config> {
  const { config, complaints } = await load(JSON.stringify({ routes: [], ...data }), files);
  if (config === null) throw new Error(complaints[0]!.message);
  return config;
}

async function compare(old: Readonly<Record<string, unknown>>, next: Readonly<Record<string, unknown>>) {
  return compareConfigs(await configOf(old), await configOf(next));
}

const route = (name: string, keys: Readonly<Record<string, unknown>> = {}) => ({
  from: `tcp+https://${name}:1`,
  to: "tcp://x:1",
  allow_any_authenticated_user: true,
  ...keys,
});

/** The routes of a comparison by name. */
async function routesOf(old: readonly unknown[], next: readonly unknown[]) {
  const { routes } = await compare({ routes: old }, { routes: next });
  return {
    added: routes.added.map(({ name }) => name),
    removed: routes.removed.map(({ name }) => name),
    changed: routes.changed.map(({ before, after, keys }) => [before.name, after.name, keys]),
    unchanged: routes.unchanged,
    isReordered: routes.isReordered,
  };
}

const nothing = { added: [], removed: [], changed: [], unchanged: 0, isReordered: false };

describe("compareConfigs() on routes", () => {
  it("finds those that came and went", async () => {
    expect(await routesOf([route("a"), route("b")], [route("b"), route("c")])).toEqual({
      ...nothing,
      removed: ["tcp+https://a:1"],
      added: ["tcp+https://c:1"],
      unchanged: 1,
    });
  });

  it("names the keys that differ, sorted, and nothing for another way to write the same", async () => {
    const before = route("a", {
      name: "A",
      timeout: "1h",
      idle_timeout: null,
      allowed_idp_claims: { x: [1], y: [2] },
    });
    const after = route("a", {
      to: "tcp://y:1",
      name: "A",
      description: "new",
      allowed_idp_claims: { y: [2], x: [1] },
    });
    expect(await routesOf([before], [after])).toEqual({
      ...nothing,
      changed: [["A", "A", ["description", "timeout", "to"]]],
    });
  });

  it("sees through aliases", async () => {
    const written = `routes:
- {from: tcp+https://a:1, to: tcp://x:1, policy: &p [{allow: {or: [{email: a}]}}]}
- {from: tcp+https://b:1, to: tcp://x:1, policy: *p}`;
    const spelt = written.replace("&p ", "").replace("*p", "[{allow: {or: [{email: a}]}}]");
    const [old, next] = await Promise.all([written, spelt].map(async (text) => (await load(text)).config!));
    expect(compareConfigs(old!, next!).routes).toMatchObject({ changed: [], unchanged: 2 });
  });

  it("pairs several of one from by what makes them the same, then by position", async () => {
    const http = (prefix: string, keys = {}) =>
      route(prefix, { from: "https://a.example.com", to: "http://x", name: prefix, prefix, ...keys });
    expect(await routesOf([http("/a"), http("/b"), http("/c")], [http("/new"), http("/a"), http("/c")]))
      .toEqual({
        ...nothing,
        changed: [["/b", "/new", ["name", "prefix"]]],
        unchanged: 2,
        isReordered: true,
      });
    expect(await routesOf([http("/a"), http("/b")], [http("/b", { timeout: "1h" })])).toEqual({
      ...nothing,
      removed: ["/a"],
      changed: [["/b", "/b", ["timeout"]]],
    });
  });

  it("tells that the order changed", async () => {
    expect(await routesOf([route("a"), route("b")], [route("b"), route("a")])).toEqual({
      ...nothing,
      unchanged: 2,
      isReordered: true,
    });
    expect((await routesOf([route("a"), route("b")], [route("n"), route("b")])).isReordered).toBe(false);
  });

  it("finds nothing between a configuration and itself", async () => {
    const config = await configOf({
      routes: [route("a"), route("a", { to: "tcp://y:1" })],
      cookie_name: "x",
    });
    expect(compareConfigs(config, config)).toEqual({
      globals: [],
      routes: { added: [], removed: [], changed: [], unchanged: 2, isReordered: false },
    });
  });
});

describe("compareConfigs() on the keys of the top level", () => {
  it.each<[string, unknown, string, string]>([
    ["address", "127.0.0.1:8443", ":443", "127.0.0.1:8443"],
    ["address", "[::1]:443", ":443", "[::1]:443"],
    ["cookie_name", "x", "_pomerium", "x"],
    ["cookie_domain", "example.com", "not set", "example.com"],
    ["cookie_expire", "90m", "14h", "90m"],
    ["cookie_expire", "7d", "14h", "7d"],
    ["cookie_http_only", false, "true", "false"],
    ["cookie_same_site", "lax", "not set", "lax"],
    ["timeout_read", "1500ms", "30s", "1500ms"],
    ["timeout_write", "1h", "0", "1h"],
    ["timeout_idle", 0, "5m", "0"],
    ["log_level", "debug", "info", "debug"],
    ["authenticate_service_url", "https://a.example", "not set", "https://a.example"],
    ["signout_redirect_url", "https://a.example", "not set", "https://a.example/"],
    ["programmatic_redirect_domain_whitelist", ["a", "b"], "localhost", "a, b"],
  ])("tells of %s: %j", async (key, value, before, after) => {
    const { globals, routes } = await compare({}, { [key]: value });
    expect(globals).toEqual([{ key, before, after }]);
    expect(routes).toMatchObject(nothing);
  });

  it("tells of fields of the access log and of flags", async () => {
    const { globals } = await compare({}, {
      access_log_fields: ["ip"],
      runtime_flags: { config_hot_reload: false, match_any_incoming_port: false },
    });
    expect(globals.map(({ key, after }) => [key, after])).toEqual([
      ["access_log_fields", "ip"],
      ["runtime_flags.config_hot_reload", "false"],
      ["runtime_flags.match_any_incoming_port", "false"],
    ]);
  });

  it("tells only that secrets, keys and certificates changed", async () => {
    const pem = (kind: string, text: string) =>
      btoa(`-----BEGIN ${kind}-----\n${text}\n-----END ${kind}-----`);
    const withSecrets = (mark: string) => ({
      shared_secret: btoa(mark.repeat(40)),
      certificate: pem("CERTIFICATE", `cert-${mark}`),
      certificate_key: pem("PRIVATE KEY", `key-${mark}`),
      certificate_authority: pem("CERTIFICATE", `ca-${mark}`),
    });
    const { globals } = await compare(withSecrets("a"), withSecrets("b"));
    expect(globals).toEqual(
      ["certificates", "certificate_authority", "shared_secret"].map((key) => {
        return { key, before: "not shown", after: "changed" };
      }),
    );
  });
});
