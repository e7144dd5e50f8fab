import { describe, expect, it } from "vitest";
import { defaultAccessLogFields } from "../../lib/config/access_log_fields.ts";
import { globalKeys } from "../../lib/config/global_keys.ts";
import { codesOf, load } from "./_load.ts";

/** A value, the key it stands under, and what it is read to, by the path in the configuration. */
type Reading = readonly [line: string, read: Record<string, unknown>];

describe("loadConfig() reads", () => {
  it.each<Reading>([
    ["address: ':443'", { address: { hostname: "", port: 443 } }],
    ["address: 127.0.0.1:8443", { address: { hostname: "127.0.0.1", port: 8443 } }],
    ["address: '[::1]:0'", { address: { hostname: "::1", port: 0 } }],
    ["cookie_name: sally", { cookie: { name: "sally" } }],
    ["cookie_domain: .Example.com", { cookie: { domain: "example.com" } }],
    ["cookie_expire: 1h30m", { cookie: { expireMs: 5_400_000 } }],
    ["session_idle_timeout: 30m", { sessionIdleTimeoutMs: 1_800_000 }],
    ["session_idle_timeout: 1m", { sessionIdleTimeoutMs: 60_000 }],
    ["session_idle_timeout: 0", { sessionIdleTimeoutMs: 0 }],
    ["cookie_http_only: 'false'", { cookie: { httpOnly: false } }],
    ["cookie_same_site: strict", { cookie: { sameSite: "strict" } }],
    ["cookie_same_site: ''", { cookie: { sameSite: null } }],
    ["authenticate_service_url: https://Auth.example.com/", {
      authenticateOrigin: "https://auth.example.com",
    }],
    ["idp_provider: local", { idpProvider: "local" }],
    ["signout_redirect_url: https://example.com/bye?x=1", {
      signOutRedirectUrl: "https://example.com/bye?x=1",
    }],
    ["signout_redirect_url: http://127.0.0.1:8080", { signOutRedirectUrl: "http://127.0.0.1:8080/" }],
    ["signout_redirect_url: 'http://[::1]:8080/x'", { signOutRedirectUrl: "http://[::1]:8080/x" }],
    ["insecure_server: false", { address: { port: 443 } }],
    ["use_proxy_protocol: false", { address: { port: 443 } }],
    ["xff_num_trusted_hops: 2", { http: { trustedHops: 2 } }],
    ["normalize_path: false", { http: { normalizesPath: false, mergesSlashes: true } }],
    ["path_with_escaped_slashes_action: KEEP_UNCHANGED", { http: { escapedSlashes: "keep" } }],
    ["headers_with_underscores_action: drop_header", { http: { underscores: "drop" } }],
    ["default_upstream_timeout: 0", { http: { timeoutMs: 0 } }],
    ["allow_upgrades: [WebSocket]", { http: { upgrades: ["websocket"] } }],
    ["set_response_headers: {disable: 'true', X-A: b}", { http: { setResponseHeaders: [] } }],
    ["set_response_headers: {X-A: b}", { http: { setResponseHeaders: [["X-A", "b"]] } }],
    ["runtime_flags: {config_hot_reload: false}", { hotReload: false, matchAnyIncomingPort: true }],
    ["runtime_flags: {match_any_incoming_port: 'false'}", { hotReload: true, matchAnyIncomingPort: false }],
    ["programmatic_redirect_domain_whitelist: [a.example]", { programmaticRedirectHosts: ["a.example"] }],
    ["timeout_read: 5s", { timeouts: { readMs: 5000 } }],
    ["workers: 4", { workers: 4 }],
    ["workers: '64'", { workers: 64 }],
    ["workers: auto", { workers: "auto" }],
    ["codec_type: http3", { codecs: { type: "http3" } }],
    ["http3_address: '[::1]:8443'", { codecs: { http3Address: { hostname: "::1", port: 8443 } } }],
    ["http3_advertise_port: 443", { codecs: { http3AdvertisePort: 443 } }],
    ["timeout_write: 0", { timeouts: { writeMs: 0 } }],
    ["timeout_idle: 0", { timeouts: { idleMs: 0 } }],
    ["timeout_idle: 9600h", { timeouts: { idleMs: 34_560_000_000 } }],
    ["udp_limits: {max_tunnels: 7, reply_ratio: 0}", {
      udpLimits: { maxTunnels: 7, replyRatio: 0, mtuBytes: 1500 },
    }],
    ["udp_limits: {packets_per_second: 0, bytes_per_second: 65536}", {
      udpLimits: { packetsPerSecond: 0, bytesPerSecond: 65_536 },
    }],
    ["log_level: warning", { logLevel: "warn" }],
    ["log_level: fatal", { logLevel: "error" }],
    ["access_log_fields: [ip, headers.X-Y]", { accessLogFields: ["ip", "headers.X-Y"] }],
    [`shared_secret: ${"A".repeat(43)}=`, { sharedSecret: new Uint8Array(32) }],
  ])("%s", async (line, read) => {
    const { config, complaints } = await load(`${line}\nroutes: []`);
    expect(complaints.map(({ code }) => code)).toEqual(["config/no-routes"]);
    expect(config).toMatchObject(read);
  });

  it("nothing but defaults from an empty file", async () => {
    const { config } = await load("");
    expect(config).toEqual({
      file: "routes.yaml",
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      hotReload: true,
      matchAnyIncomingPort: true,
      routesPortal: true,
      allowsReverseTunnels: true,
      ssh: null,
      sessionRecordings: { directory: null, onFailure: "end", maxBytes: 1024 ** 3 },
      address: { hostname: "", port: 443 },
      workers: 1,
      codecs: { type: "auto", http3Address: null, http3AdvertisePort: null },
      certificates: [],
      certificateAuthorityPem: null,
      circuitBreakers: {
        maxConnections: null,
        maxPendingRequests: null,
        maxRequests: null,
        maxRetries: null,
      },
      downstreamMtls: {
        authoritiesPem: null,
        crlPem: null,
        crlCheck: "leaf",
        ocsp: "off",
        enforcement: "policy_with_default_deny",
        subjectAlternativeNames: [],
        maxVerifyDepth: 1,
      },
      sharedSecret: null,
      signingKeyPem: null,
      cookie: { name: "_pomerium", domain: null, expireMs: 50_400_000, httpOnly: true, sameSite: null },
      sessionIdleTimeoutMs: 0,
      authenticateOrigin: null,
      signOutRedirectUrl: null,
      storage: { type: "file", connectionString: null },
      storeUnavailable: { mode: "keep", limitMs: 900_000 },
      idpProvider: "local",
      idp: null,
      jwtIssuerFormat: "hostOnly",
      jwtClaimsHeaders: {},
      bearerTokenFormat: "default",
      accessTokenAudiences: null,
      tokenIssuers: [],
      programmaticRedirectHosts: ["localhost"],
      timeouts: { readMs: 30_000, writeMs: 0, idleMs: 300_000 },
      udpLimits: {
        packetsPerSecond: 100_000,
        bytesPerSecond: 125_000_000,
        tunnelsPerUser: 2500,
        tunnelsPerRoute: 4096,
        maxTunnels: 4096,
        replyRatio: 1000,
        mtuBytes: 1500,
      },
      http: {
        normalizesPath: true,
        mergesSlashes: true,
        escapedSlashes: "reject",
        underscores: "reject",
        skipsForwardedFor: false,
        trustedHops: 0,
        timeoutMs: 30_000,
        upgrades: [],
        passesIdentity: false,
        setResponseHeaders: [
          ["X-Frame-Options", "SAMEORIGIN"],
          ["X-XSS-Protection", "1; mode=block"],
          ["Strict-Transport-Security", "max-age=31536000"],
        ],
      },
      logLevel: "info",
      accessLogFields: defaultAccessLogFields,
      routes: [],
    });
    expect(Object.isFrozen(config)).toBe(true);
  });
});

describe("databroker_storage_type", () => {
  const secret = `shared_secret: ${"A".repeat(43)}=`;

  it.each([
    ["databroker_storage_type: memory", { type: "memory", connectionString: null }],
    ["databroker_storage_type: sqlite", { type: "file", connectionString: null }],
    ["databroker_storage_connection_string: file:///var/lib/x", {
      type: "file",
      connectionString: "file:///var/lib/x",
    }],
    ["databroker_storage_type: postgres\ndatabroker_storage_connection_string: postgres://u:p@db/d", {
      type: "postgres",
      connectionString: "postgres://u:p@db/d",
    }],
    ["databroker_storage_type: postgres\ndatabroker_storage_connection_string_file: dsn", {
      type: "postgres",
      connectionString: "postgresql://from@file/d",
    }],
  ])("%j is read", async (text, storage) => {
    const loaded = await load(`${text}\n${secret}`, { dsn: "postgresql://from@file/d\n" });
    expect(codesOf(loaded)).toEqual(["warning config/no-routes"]);
    expect(loaded.config?.storage).toEqual(storage);
  });

  it.each([
    ["databroker_storage_type: postgres", "error config/missing-key"],
    ["databroker_storage_type: redis", "error config/bad-value"],
    [
      "databroker_storage_type: postgres\ndatabroker_storage_connection_string: mysql://u:hunter2@db",
      "error config/bad-value",
    ],
    ["databroker_storage_connection_string: postgres://u:hunter2@db", "error config/bad-value"],
    [
      "databroker_storage_connection_string: file:///hunter2\ndatabroker_storage_connection_string_file: dsn",
      "error config/conflict",
    ],
  ])("%j is refused, without showing what it holds", async (text, code) => {
    const loaded = await load(`${text}\n${secret}`);
    expect(codesOf(loaded)).toEqual([code]);
    expect(JSON.stringify(loaded)).not.toContain("hunter2");
  });

  it("warns when several gateways could not read each other's sessions", async () => {
    const text = "databroker_storage_type: postgres\ndatabroker_storage_connection_string: postgres://u@db";
    expect(codesOf(await load(text))).toContain("warning config/missing-key");
  });
});

describe("loadConfig() refuses", () => {
  it.each([
    ["address: 443", "config/bad-value"],
    ["address: localhost", "config/bad-value"],
    ["address: ':65536'", "config/bad-value"],
    ["address: '::1:443'", "config/bad-value"],
    ["address: []", "config/wrong-type"],
    ["cookie_name: a b", "config/bad-value"],
    ["cookie_domain: a_$b", "config/bad-value"],
    ["cookie_expire: 14", "config/wrong-type"],
    ["cookie_expire: 0s", "config/bad-value"],
    ["cookie_expire: 401d", "config/bad-value"],
    ["session_idle_timeout: 59s", "config/bad-value"],
    ["session_idle_timeout: 401d", "config/bad-value"],
    ["udp_limits: 5", "config/wrong-type"],
    ["udp_limits: {max_tunnels: 0}", "config/bad-value"],
    ["udp_limits: {max_tunnels: 1.5}", "config/bad-value"],
    ["udp_limits: {max_tunnels: '7'}", "config/bad-value"],
    ["udp_limits: {bytes_per_second: 65535}", "config/bad-value"],
    ["udp_limits: {mtu: 575}", "config/bad-value"],
    ["udp_limits: {reply_ratio: 1000001}", "config/bad-value"],
    ["udp_limits: {replyRatio: 1}", "config/bad-value"],
    ["cookie_http_only: yes", "config/wrong-type"],
    ["cookie_same_site: laxx", "config/bad-value"],
    ["cookie_same_site: true", "config/wrong-type"],
    ["authenticate_service_url: auth.example.com", "config/bad-value"],
    ["authenticate_service_url: http://auth.example.com", "config/bad-value"],
    ["authenticate_service_url: https://auth.example.com/x", "config/bad-value"],
    ["authenticate_service_url: https://authenticate.pomerium.app", "config/unsupported-value"],
    ["idp_provider: hosted", "config/unsupported-value"],
    ["idp_provider: locl", "config/bad-value"],
    ["programmatic_redirect_domain_whitelist: localhost", "config/wrong-type"],
    ["timeout_read: 0s", "config/bad-value"],
    ["workers: 0", "config/bad-value"],
    ["workers: 65", "config/bad-value"],
    ["workers: many", "config/wrong-type"],
    ["codec_type: http4", "config/bad-value"],
    ["http3_address: ':x'", "config/bad-value"],
    ["http3_advertise_port: 0", "config/unsupported-value"],
    ["http3_advertise_port: 65536", "config/unsupported-value"],
    ["timeout_write: 9601h", "config/bad-value"],
    ["timeout_idle: -1s", "config/wrong-type"],
    ["timeout_idle: soon", "config/wrong-type"],
    ["log_level: loud", "config/bad-value"],
    ["access_log_fields: {ip: true}", "config/wrong-type"],
    [`shared_secret: ${"A".repeat(42)}`, "config/bad-value"],
    ["shared_secret: '***'", "config/bad-value"],
    ["signout_redirect_url: http://example.com", "config/bad-value"],
    ["signout_redirect_url: http://127.0.0.1.example.com", "config/bad-value"],
    ["signout_redirect_url: 'javascript:alert(1)'", "config/bad-value"],
    ["signout_redirect_url: //example.com", "config/bad-value"],
    ["signout_redirect_url: https://a:b@example.com", "config/bad-value"],
    [`signout_redirect_url: https://example.com/${"a".repeat(2048)}`, "config/bad-value"],
    ["insecure_server: true", "config/unsupported-value"],
    ["use_proxy_protocol: true", "config/unsupported-value"],
    ["xff_num_trusted_hops: 11", "config/unsupported-value"],
    ["xff_num_trusted_hops: -1", "config/wrong-type"],
    ["runtime_flags: [mcp]", "config/wrong-type"],
    ["runtime_flags: {config_hot_reload: soon}", "config/wrong-type"],
    ["certificates: [a.pem]", "config/wrong-type"],
    ["certificates: [{cert: a.pem}]", "config/wrong-type"],
    ["routes: {from: x}", "config/wrong-type"],
    ["routes: [x]", "config/wrong-type"],
    ["client_ca: x", "config/removed-key"],
    ["tracing_provider: x", "config/removed-key"],
    ["downstream_mtls: {ca_file: x}", "config/file-unreadable"],
  ])("%s", async (line, code) => {
    const loaded = await load(line);
    expect(loaded.config).toBeNull();
    expect(codesOf(loaded)).toEqual([`error ${code}`]);
  });

  it("says what to use in place of a number without unit, and of a word that is nearly right", async () => {
    const { complaints } = await load("cookie_expire: 14\nidp_provider: locl\ncookie_same_site: laxx");
    expect(complaints.map(({ hint }) => hint)).toEqual([
      "add the unit, as in 14s",
      "did you mean local?",
      "did you mean lax?",
    ]);
  });
});

describe("loadConfig() warns", () => {
  it("of an unknown key, with the nearest one", async () => {
    const { config, complaints } = await load("cokie_name: x\nroutes: []");
    expect(config!.cookie.name).toBe("_pomerium");
    expect(complaints[0]).toMatchObject({ code: "config/unknown-key", hint: "did you mean cookie_name?" });
  });

  it("of a key that looks like a property that every object has", async () => {
    const loaded = await load("constructor: 1\n__proto__: {routes: 5}\ntoString: x");
    expect(loaded.config).not.toBeNull();
    expect(codesOf(loaded).filter((code) => code === "warning config/unknown-key")).toHaveLength(3);
  });

  it("of an unknown runtime flag, with the nearest one", async () => {
    const { config, complaints } = await load("runtime_flags: {config_hot_relaod: false}\nroutes: []");
    expect(config!.hotReload).toBe(true);
    expect(complaints[0]).toMatchObject({
      code: "config/unknown-key",
      hint: "did you mean config_hot_reload?",
      line: 1,
      column: 17,
    });
  });

  it("of a key that has nothing to do, and says why", async () => {
    const { complaints } = await load("cookie_secret: x\nservices: all\nroutes: []");
    expect(complaints.slice(0, 2)).toMatchObject([
      { code: "config/no-effect", message: expect.stringContaining("derived from shared_secret") },
      { code: "config/no-effect", message: expect.stringContaining("one process") },
    ]);
  });

  it("of a field of the access log that there is not, and leaves it out", async () => {
    const { config, complaints } = await load("access_log_fields: [ip, colour]\nroutes: []");
    expect(config!.accessLogFields).toEqual(["ip"]);
    expect(complaints[0]).toMatchObject({ code: "config/unknown-key", line: 1, column: 25 });
  });

  it.each(
    Object.entries(globalKeys).filter(([, key]) => ["not-yet", "pointless"].includes(key.status)).map((
      [name],
    ) => name),
  )(
    "that %s has no effect",
    async (name) => {
      const loaded = await load(`${name}: x\nroutes: []`);
      expect(loaded.config).not.toBeNull();
      expect(codesOf(loaded)).toContain("warning config/no-effect");
    },
  );
});

describe("the list of complaints", () => {
  it("holds everything that is wrong, in the order of the file", async () => {
    const { complaints } = await load("log_level: x\nroutes: 5\nunknown: 1\naddress: x");
    expect(complaints.map(({ line }) => line)).toEqual([1, 2, 3, 4]);
  });

  it("ends after 50, errors first, and says how many there are more", async () => {
    const unknown = Array.from({ length: 80 }, (_, index) => `unknown_${index}: 1`);
    const { complaints } = await load([...unknown, "log_level: x", "address: x"].join("\n"));
    expect(complaints).toHaveLength(51);
    expect(complaints.filter(({ severity }) => severity === "error").map(({ code }) => code)).toEqual([
      "config/bad-value",
      "config/bad-value",
      "config/more",
    ]);
    expect(complaints.at(-1)!.message).toBe("and 32 more");
  });
});
