import { beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { decide } from "../../lib/policy/decide.ts";
import { TestAuthority } from "../_support/test_authority.ts";
import { codesOf, load } from "./_load.ts";

let pem: string;
let otherPem: string;
let crl: string;

beforeAll(async () => {
  const authority = await TestAuthority.create("Authority");
  [pem, crl] = [authority.pem, await authority.crl([])];
  otherPem = (await TestAuthority.create("Other")).pem;
});

const base64 = (text: string) => utf8(text).toBase64();
const files = () => ({
  "ca.pem": pem,
  "other.pem": otherPem,
  "crl.pem": crl,
  "key.pem": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  "broken.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
});
const ROUTE = "{from: tcp+https://a.test:1, to: tcp://b:1, allow_public_unauthenticated_access: true";

/** What the policy of a public route answers to a caller without a certificate. */
async function answerOf(text: string, index = 0): Promise<string> {
  const { config, complaints } = await load(text, files());
  expect(complaints.filter(({ severity }) => severity === "error")).toEqual([]);
  const { id: routeId, policy } = config!.routes[index]!;
  return decide(policy, { routeId, now: 0, sourceIp: null, session: null }).verdict;
}

describe("downstream_mtls", () => {
  it("is read, from files and in place", async () => {
    const text = (source: string) =>
      `routes: []
downstream_mtls:
  ${source}
  crl_check: chain
  ocsp: require
  enforcement: reject_connection
  max_verify_depth: 0
  match_subject_alt_names:
    - dns: '.*\\.example\\.com'
    - user_principal_name: 'alice@.*'`;
    const sources = ["ca_file: ca.pem\n  crl_file: crl.pem", `ca: ${base64(pem)}\n  crl: ${base64(crl)}`];
    for (const source of sources) {
      const { config } = await load(text(source), files());
      expect(config!.downstreamMtls).toEqual({
        authoritiesPem: pem,
        crlPem: crl,
        crlCheck: "chain",
        ocsp: "require",
        enforcement: "reject_connection",
        subjectAlternativeNames: [
          { type: "dns", pattern: ".*\\.example\\.com" },
          { type: "user_principal_name", pattern: "alice@.*" },
        ],
        maxVerifyDepth: 0,
      });
    }
  });

  it("is followed in its files", async () => {
    const text = `downstream_mtls: {ca_file: ca.pem, crl_file: crl.pem}\nroutes: [${ROUTE}, ` +
      "tls_downstream_client_ca_file: other.pem}]";
    const { files: named } = await load(text, files());
    expect(named).toEqual(["routes.yaml", "ca.pem", "crl.pem", "other.pem"]);
  });

  it.each([
    ["both kinds of authorities", () => `{ca_file: ca.pem, ca: ${base64(pem)}}`, "conflict"],
    ["both kinds of lists", () => `{crl_file: crl.pem, crl: ${base64(crl)}}`, "conflict"],
    ["a file that is not there", () => "{ca_file: nowhere.pem}", "file-unreadable"],
    ["a key for an authority", () => "{ca_file: key.pem}", "not-pem"],
    ["a certificate for a list", () => "{crl_file: ca.pem}", "not-pem"],
    ["a certificate that cannot be read", () => "{ca_file: broken.pem}", "bad-value"],
    ["an enforcement that is none", () => "{enforcement: strict}", "bad-value"],
    ["a negative depth", () => "{max_verify_depth: -1}", "wrong-type"],
    ["a kind of name that is none", () => "{match_subject_alt_names: [{cn: a}]}", "bad-value"],
    ["two kinds of names in one", () => "{match_subject_alt_names: [{dns: a, email: b}]}", "bad-value"],
    ["what is no expression", () => "{match_subject_alt_names: [{dns: 'a('}]}", "bad-value"],
    ["an unknown key", () => "{cafile: ca.pem}", "unknown-key"],
    ["a list", () => "[ca.pem]", "wrong-type"],
  ])("is refused with %s", async (_, value, code) => {
    const loaded = await load(`routes: []\ndownstream_mtls: ${value()}`, files());
    expect(codesOf(loaded).filter((one) => one.startsWith("error"))).toEqual([`error config/${code}`]);
    expect(loaded.config).toBeNull();
  });

  it.each([
    ["no authorities", "{}", "allowed"],
    ["authorities", "{ca_file: ca.pem}", "client-certificate"],
    ["authorities, and enforcement policy", "{ca_file: ca.pem, enforcement: policy}", "allowed"],
    [
      "authorities, and enforcement reject_connection",
      "{ca_file: ca.pem, enforcement: reject_connection}",
      "client-certificate",
    ],
  ])("with %s answers callers of public routes without a certificate: %s", async (_, value, verdict) => {
    expect(await answerOf(`downstream_mtls: ${value}\nroutes: [${ROUTE}}]`)).toBe(verdict);
  });

  it("leaves routes from ssh:// alone, where there are no certificates of TLS", async () => {
    const route = "{from: 'ssh://a', to: 'ssh://b:22', policy: {allow: {or: [{accept: true}]}}}";
    expect(await answerOf(`downstream_mtls: {ca_file: ca.pem}\nroutes: [${route}]`)).toBe("allowed");
  });

  it("leaves the tests of policies alone", async () => {
    const test = "tests: [{user: a@b.test, expect: allow}]";
    const { config } = await load(
      `downstream_mtls: {ca_file: ca.pem}\nroutes: [${ROUTE}, ${test}}]`,
      files(),
    );
    expect(config).not.toBeNull();
  });
});

describe("tls_downstream_client_ca", () => {
  it("takes the place of the authorities of the top level", async () => {
    const own = ROUTE.replace("a.test", "own.test");
    const { config } = await load(
      `downstream_mtls: {ca_file: ca.pem}\nroutes: [${own}, tls_downstream_client_ca_file: other.pem}, ${ROUTE}}]`,
      files(),
    );
    expect(config!.routes.map(({ clientAuthoritiesPem }) => clientAuthoritiesPem)).toEqual([otherPem, pem]);
  });

  it("is enforced where there are none at the top level, and only on its route", async () => {
    const own = ROUTE.replace("a.test", "own.test");
    const text = `routes: [${own}, tls_downstream_client_ca: ${base64(pem)}}, ${ROUTE}}]`;
    expect([await answerOf(text, 0), await answerOf(text, 1)]).toEqual(["client-certificate", "allowed"]);
  });

  it("is refused in both kinds, and pointless on a route from ssh://", async () => {
    const both = `tls_downstream_client_ca_file: ca.pem, tls_downstream_client_ca: ${base64(pem)}`;
    expect(codesOf(await load(`routes: [${ROUTE}, ${both}}]`, files()))).toEqual(["error config/conflict"]);
    const ssh = "{from: 'ssh://a', to: 'ssh://b:22', allow_any_authenticated_user: true";
    expect(codesOf(await load(`routes: [${ssh}, tls_downstream_client_ca_file: ca.pem}]`, files())))
      .toContain("warning config/no-effect");
  });
});
