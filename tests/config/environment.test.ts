import { describe, expect, it } from "vitest";
import { environmentPermissions, withEnvironmentPermissions } from "../../scripts/environment_permissions.ts";
import { formatComplaint } from "../../lib/config/complaint.ts";
import { environmentKeys } from "../../lib/config/environment.ts";
import { globalKeys } from "../../lib/config/global_keys.ts";
import { loadConfig, type LoadedConfig } from "../../lib/config/load_config.ts";
import { codesOf, oneRoute } from "./_load.ts";

/** Loads `text` with these variables; `asked`: collects the names that were looked up. */
function loadWith(
  env: Readonly<Record<string, string>>,
  text = "routes: []",
  asked: string[] = [],
): Promise<LoadedConfig> {
  return loadConfig({
    file: "routes.yaml",
    readTextFile: () => Promise.resolve(text),
    env: (name) => {
      asked.push(name);
      return env[name];
    },
  });
}

describe("a variable of the environment", () => {
  it.each<[Record<string, string>, Record<string, unknown>]>([
    [{ COOKIE_EXPIRE: "2h" }, { cookie: { expireMs: 7_200_000 } }],
    [{ SALLYPORT_COOKIE_EXPIRE: "2h", COOKIE_EXPIRE: "x" }, { cookie: { expireMs: 7_200_000 } }],
    [{ SALLYPORT_COOKIE_EXPIRE: "", COOKIE_EXPIRE: "2h" }, { cookie: { expireMs: 7_200_000 } }],
    [{ COOKIE_EXPIRE: "" }, { cookie: { expireMs: 3_600_000 } }],
    [{ COOKIE_HTTP_ONLY: "false" }, { cookie: { httpOnly: false } }],
    [{ COOKIE_NAME: "007" }, { cookie: { name: "007" } }],
    [{ SALLYPORT_ADDRESS: ":8443" }, { address: { port: 8443 } }],
    [{ TIMEOUT_WRITE: "0" }, { timeouts: { writeMs: 0 } }],
    [{ XFF_NUM_TRUSTED_HOPS: "0" }, { file: "routes.yaml" }],
    [{ ACCESS_LOG_FIELDS: "[ip, duration]" }, { accessLogFields: ["ip", "duration"] }],
    [{ ACCESS_LOG_FIELDS: '["ip"]' }, { accessLogFields: ["ip"] }],
    [{ ACCESS_LOG_FIELDS: "- ip\n- query" }, { accessLogFields: ["ip", "query"] }],
    [{ RUNTIME_FLAGS: "{config_hot_reload: false}" }, { hotReload: false, matchAnyIncomingPort: true }],
    [{ RUNTIME_FLAGS_CONFIG_HOT_RELOAD: "false" }, { hotReload: false, matchAnyIncomingPort: false }],
    [{ SHARED_SECRET: `${"A".repeat(43)}=` }, { sharedSecret: new Uint8Array(32) }],
    [{ SALLYPORT_ROUTES: oneRoute({}).slice('{"routes":'.length, -1) }, { routes: [{ line: 0 }] }],
  ])("counts in place of the file: %j", async (env, read) => {
    const text = "cookie_expire: 1h\nroutes: []\nruntime_flags: {match_any_incoming_port: false}";
    const { config, complaints } = await loadWith(env, text);
    expect(complaints.filter(({ code }) => code !== "config/no-routes")).toEqual([]);
    expect(config).toMatchObject(read);
  });

  it.each([
    [{ COOKIE_EXPIRE: "soon" }, "COOKIE_EXPIRE", "config/wrong-type"],
    [{ SALLYPORT_COOKIE_EXPIRE: "soon" }, "SALLYPORT_COOKIE_EXPIRE", "config/wrong-type"],
    [{ ACCESS_LOG_FIELDS: "[ip" }, "ACCESS_LOG_FIELDS", "config/yaml-syntax"],
    [{ ACCESS_LOG_FIELDS: "ip,duration" }, "ACCESS_LOG_FIELDS", "config/wrong-type"],
    [{ ACCESS_LOG_FIELDS: "&a [*a]" }, "ACCESS_LOG_FIELDS", "config/bad-alias"],
    [{ ACCESS_LOG_FIELDS: " ".repeat(1024 * 1024 + 1) }, "ACCESS_LOG_FIELDS", "config/too-large"],
    [{ RUNTIME_FLAGS_CONFIG_HOT_RELOAD: "x" }, "RUNTIME_FLAGS_CONFIG_HOT_RELOAD", "config/wrong-type"],
    [{ SHARED_SECRET_FILE: "nowhere" }, "SHARED_SECRET_FILE", "config/bad-value"],
    [{ SALLYPORT_ROUTES: "[{from: x}]" }, "SALLYPORT_ROUTES", "config/missing-key"],
    [{ DOWNSTREAM_MTLS_CA_FILE: "ca.pem" }, "DOWNSTREAM_MTLS_CA_FILE", "config/not-pem"],
  ])("is named when it is wrong: %j", async (env, name, code) => {
    const { config, complaints } = await loadWith(env);
    expect(config).toBeNull();
    const complaint = complaints.find((one) => one.code === code)!;
    expect(complaint).toMatchObject({
      severity: "error",
      file: `environment variable ${name}`,
      line: 0,
      column: 0,
      excerpt: "",
    });
    expect(formatComplaint(complaint)).toMatch(new RegExp(`^environment variable ${name}: error: `));
  });

  it("that holds a secret is not shown", async () => {
    const { complaints } = await loadWith({ SHARED_SECRET: "hunter2", SIGNING_KEY: "hunter2" });
    expect(complaints.map(({ code }) => code)).toContain("config/bad-value");
    expect(JSON.stringify(complaints)).not.toContain("hunter2");
  });

  it.each(["ADDRESS", "POLICY", "ROUTES", "CERTIFICATES"])(
    "of the general name %s counts with a warning",
    async (name) => {
      const value = name === "ADDRESS" ? ":1" : "[]";
      const loaded = await loadWith({ [name]: value });
      expect(codesOf(loaded)).toContain("warning config/from-environment");
      expect(codesOf(await loadWith({ [`SALLYPORT_${name}`]: value }))).toEqual(["warning config/no-routes"]);
      expect(loaded.complaints[0]).toMatchObject({
        file: `environment variable ${name}`,
        hint: `unset it, or call it SALLYPORT_${name} if that is meant`,
      });
    },
  );

  it("leaves what it does not set to the file, with its lines", async () => {
    const { complaints } = await loadWith({ COOKIE_NAME: "x" }, "cookie_expire: soon\nroutes: []");
    expect(complaints[0]).toMatchObject({ file: "routes.yaml", line: 1, column: 16 });
  });

  it("is not looked up by any other name", async () => {
    const asked: string[] = [];
    await loadWith({}, oneRoute({ name: "${HOME}" }), asked);
    const known = environmentKeys.flatMap(({ name }) => [name, `SALLYPORT_${name}`]);
    expect(asked.toSorted()).toEqual(known.toSorted());
    expect(known).not.toContain("CLIENT_CA");
  });

  it("never takes the place of a text in the file", async () => {
    const env = { HOME: "/root", COOKIE_NAME: "" };
    const { config } = await loadWith(env, oneRoute({ name: "${HOME} $HOME ${COOKIE_NAME}" }));
    expect(config!.routes[0]!.name).toBe("${HOME} $HOME ${COOKIE_NAME}");
  });

  it.each(["- a", "5", "x"])("does not make up for a file that is no mapping: %s", async (text) => {
    const { config, complaints } = await loadWith({ COOKIE_NAME: "x" }, text);
    expect(config).toBeNull();
    expect(complaints).toMatchObject([{ code: "config/wrong-type", file: "routes.yaml", line: 1 }]);
  });
});

describe("environmentKeys", () => {
  it("holds every key that was not removed, each under a name of its own", () => {
    const names = environmentKeys.map(({ name }) => name);
    const keys = Object.entries(globalKeys).filter(([, key]) => key.status !== "removed").map(([name]) =>
      name
    );
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(keys.map((key) => key.toUpperCase())));
  });
});

describe("deno.json", () => {
  it("permits the gateway to look up each of them", async () => {
    const text = await Deno.readTextFile(new URL("../../deno.json", import.meta.url));
    expect(JSON.parse(text).permissions.default.env).toEqual(environmentPermissions());
    expect(withEnvironmentPermissions(text)).toBe(text);
  });
});
