import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { configurationDocs, renderConfigurationDocs } from "../../scripts/gen_configuration_docs.ts";
import { loadConfig } from "../../lib/config/load_config.ts";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { codesOf, load } from "./_load.ts";

/** A file as a gateway of this kind has it, with keys that this version does not serve. */
const large = `
address: ":8443"
authenticate_service_url: https://authenticate.corp.example.com
autocert: true
autocert_use_staging: false
shared_secret: ${"A".repeat(43)}=
cookie_secret: ${"B".repeat(43)}=
signing_key_file: /run/secrets/signing.pem
idp_client_id: 0123456789
idp_client_secret: abcdef
idp_scopes: [openid, email]
databroker_storage_type: postgres
databroker_storage_connection_string: postgres://user:password@db/pomerium
log_level: warn
proxy_log_level: error
access_log_fields: [authority, duration, path, headers.X-Request-Id]
authorize_log_fields: [request-id, user, email]
jwt_claims_headers: [email, groups]
timeout_read: 1m
timeout_write: 0s
timeout_idle: 5m
runtime_flags:
  ssh_upstream_tunnel: true
set_response_headers:
  X-Frame-Options: DENY
routes:
  - from: https://verify.corp.example.com
    to: http://verify:8000
    pass_identity_headers: true
    prefix: /api
    allow_public_unauthenticated_access: true
  - from: https://grafana.corp.example.com
    to: ["http://grafana-1:3000,3", "http://grafana-2:3000,1"]
    host_rewrite_header: X-Host
    load_balancing_policy: LEAST_REQUEST
    allow_websockets: true
    policy:
      - allow:
          and:
            - domain: {is: corp.example.com}
            - claim/groups: {has: grafana}
        deny:
          or:
            - email: {in: [x@corp.example.com]}
  - from: tcp+https://redis.corp.example.com:6379
    to: tcp://redis:6379
    allowed_users: [alice@corp.example.com]
    allowed_idp_claims: {groups: [ops]}
    tls_skip_verify: true
  - from: udp+https://dns.corp.example.com:53
    to: udp://10.0.0.2:53
    allowed_domains: [corp.example.com]
  - from: ssh://bastion
    to: ssh://10.0.0.3:22
    policy: [{allow: {or: [{accept: true}]}}]
  - from: https://old.corp.example.com
    redirect: {host_redirect: new.corp.example.com, response_code: 308}
    allow_any_authenticated_user: true
`;

/** The examples of the documents that the routes of this project follow. */
const examples: Readonly<Record<string, string>> = {
  "a UDP service": `
routes:
  - from: udp+https://time.corp.example.com:13
    to: udp://time.internal.example.com:13
    policy:
      - allow:
          or:
            - email:
                is: contractor@not-example.com
            - claim/groups: 'datascience@example.com'`,
  "a TCP service": `
routes:
  - from: tcp+https://redis.corp.example.com:6379
    to: tcp://redis.internal.example.com:6379
    policy:
      - allow:
          or:
            - email:
                is: contractor@not-example.com
            - claim/groups: 'datascience@example.com'`,
  "the older list without a name": `
policy:
  - from: tcp+https://ssh.localhost.pomerium.io:22
    to: tcp://127.0.0.1:22
    policy:
      - allow:
          or:
            - email:
                is: user@yourcompany.com`,
  "proxy chaining": `
routes:
  - from: tcp+https://example.corp.com:10002
    to: http://second-proxy.example.corp.com:10003`,
  "a gateway in front of the destination": `
routes:
  - from: tcp+https://proxy.corp.example.com:8443/redis.internal.example.com:6379
    to: tcp://redis.internal.example.com:6379
    allow_any_authenticated_user: true`,
  "reverse tunnels": `
runtime_flags:
  ssh_upstream_tunnel: true
routes:
  - from: https://https-route.example.com
    to: http://localhost:8080
    allow_public_unauthenticated_access: true
    upstream_tunnel:
      ssh_policy:
        - allow:
            and:
              - email:
                  is: user@example.com
    health_checks:
      - http_health_check:
          path: "/health"
        timeout: 0.5s
        interval: 10s
        unhealthy_threshold: 1
        healthy_threshold: 1
        always_log_health_check_success: true
        always_log_health_check_failures: true
  - from: https://grpc-route.example.com
    to: h2c://localhost:8079
    allow_public_unauthenticated_access: true
    health_checks:
      - grpc_health_check: {}
        timeout: 0.5s`,
  "TLS toward the service": `
routes:
  - from: https://openssl.localhost.pomerium.io
    to: https://localhost:44330
    tls_server_name: openssl.localhost
    tls_client_cert_file: /etc/pomerium/pomerium@localhost-client.pem
    tls_client_key_file: /etc/pomerium/pomerium@localhost-client-key.pem
    policy:
      - allow:
          or:
            - email:
                is: user@example.com`,
};

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const authority = await createAuthority({ now: Date.now(), commonName: "Test" });
const client = await issueServerCertificate({ authority, names: ["client.test"], now: Date.now() });
const files = {
  "/etc/pomerium/pomerium@localhost-client.pem": client.certPem,
  "/etc/pomerium/pomerium@localhost-client-key.pem": client.keyPem,
  "/run/secrets/signing.pem": privateKey.export({ type: "sec1", format: "pem" }) as string,
};

describe("loadConfig() takes", () => {
  it.each(Object.entries({ "a file of many keys": large, ...examples }))("%s", async (_, text) => {
    const loaded = await load(text, files);
    expect(codesOf(loaded).filter((code) => code.startsWith("error"))).toEqual([]);
    expect(codesOf(loaded)).not.toContain("warning config/unknown-key");
    expect(loaded.config!.routes.length).toBeGreaterThan(0);
  });

  it("every route of a file of many keys, and shows none of its secrets", async () => {
    const { config, complaints } = await load(large, files);
    expect(config!.routes.map(({ from }) => from.protocol)).toEqual([
      "http",
      "http",
      "tcp",
      "udp",
      "ssh",
      "http",
    ]);
    expect(config!.routes[1]!.to.map(({ weight }) => weight)).toEqual([3, 1]);
    expect(JSON.stringify(complaints)).not.toMatch(/password|abcdef|AAAA|BBBB/);
  });
});

describe("routes.yaml", () => {
  it("loads without a word", async () => {
    const file = new URL("../../routes.yaml", import.meta.url).pathname;
    const { config, complaints } = await loadConfig({ file, readTextFile: Deno.readTextFile });
    expect(complaints).toEqual([]);
    expect(config!.address).toEqual({ hostname: "127.0.0.1", port: 8443 });
    expect(config!.routes.map(({ from, to }) => [from.destinations[0], to[0]!.url])).toEqual([
      [{ host: "echo.localhost", port: 7 }, "tcp://127.0.0.1:9007"],
      [{ host: "web.localhost", port: 80 }, "tcp://127.0.0.1:9080"],
      [{ host: "admin-only.localhost", port: 7 }, "tcp://127.0.0.1:9007"],
      [{ host: "echo.localhost", port: 7 }, "udp://127.0.0.1:9007"],
      [{ host: "web.localhost", port: null }, "http://127.0.0.1:9080"],
    ]);
  });
});

describe("docs/configuration.md", () => {
  it("is what scripts/gen_configuration_docs.ts writes", async () => {
    expect(await Deno.readTextFile(configurationDocs)).toBe(renderConfigurationDocs());
  });

  it("shows tests that pass", async () => {
    const example = /```yaml\n(routes:[\s\S]*?tests:[\s\S]*?)```/.exec(renderConfigurationDocs())![1]!;
    const { complaints, testsRun } = await load(example);
    expect(complaints).toEqual([]);
    expect(testsRun).toBe(4);
  });
});
