import { describe, expect, it } from "vitest";
import type {
  ClientCertificateFacts,
  DeviceFacts,
  Facts,
  HttpFacts,
  SshFacts,
} from "../../lib/policy/facts.ts";
import { sshKey } from "./_keys.ts";
import { admits, ann, anonymous, asAnn, ask, refusal } from "./_support.ts";

type Criterion = Readonly<Record<string, unknown>>;
type Path = (string | number)[];

function outcomeOf(criterion: Criterion, facts: Facts) {
  return ask({ allow: { or: [criterion] } }, facts).allow;
}

function expectRefused(criterion: Criterion, expected: { code: string; path: Path }): void {
  const { code, path } = refusal({ allow: { or: [criterion] } });
  expect({ code, path: path.slice(3) }).toEqual(expected);
}

const get: HttpFacts = {
  method: "GET",
  path: "/admin/users",
  origin: null,
  accessControlRequestMethod: null,
};
const preflight: HttpFacts = {
  method: "OPTIONS",
  path: "/",
  origin: "https://a.example",
  accessControlRequestMethod: "PUT",
};

describe("A criterion on the HTTP request", () => {
  it.each<[Criterion, HttpFacts | null | undefined, boolean, string]>([
    [{ http_method: "GET" }, get, true, "http-method-ok"],
    [{ http_method: "get" }, get, false, "http-method-unauthorized"],
    [{ http_method: { in: ["GET", "HEAD"] } }, get, true, "http-method-ok"],
    [{ http_method: ["GET"] }, get, false, "http-method-unauthorized"],
    [{ http_method: { not: "POST" } }, null, false, "http-method-unauthorized"],
    [{ http_method: { not: "POST" } }, undefined, false, "http-method-unauthorized"],
    [{ http_path: { starts_with: "/admin" } }, get, true, "http-path-ok"],
    [{ http_path: "/admin" }, get, false, "http-path-unauthorized"],
    [{ http_path: { not: "/" } }, null, false, "http-path-unauthorized"],
    [{ cors_preflight: true }, preflight, true, "cors-request"],
    [{ cors_preflight: null }, preflight, true, "cors-request"],
    [{ cors_preflight: true }, { ...preflight, method: "GET" }, false, "non-cors-request"],
    [{ cors_preflight: true }, { ...preflight, origin: null }, false, "non-cors-request"],
    [{ cors_preflight: true }, { ...preflight, accessControlRequestMethod: null }, false, "non-cors-request"],
    [{ cors_preflight: true }, null, false, "non-cors-request"],
    [{ cors_preflight: true }, undefined, false, "non-cors-request"],
  ])("%j of %j is %s because of %s, signed in or not", (criterion, http, value, reason) => {
    for (const facts of [anonymous, asAnn()]) {
      const group = http === undefined ? {} : { http };
      expect(outcomeOf(criterion, { ...facts, ...group })).toEqual({ value, reasons: [reason] });
    }
  });

  it.each<[Criterion, string | null | undefined, boolean, string]>([
    [{ mcp_tool: "query" }, "query", true, "mcp-tool-match"],
    [{ mcp_tool: "query" }, "drop", false, "mcp-tool-no-match"],
    [{ mcp_tool: { not_in: ["query"] } }, "drop", true, "mcp-tool-match"],
    [{ mcp_tool: { not_in: ["query"] } }, null, false, "mcp-not-a-tool-call"],
    [{ mcp_tool: { not_in: ["query"] } }, undefined, false, "mcp-not-a-tool-call"],
  ])("%j of the tool %j is %s because of %s", (criterion, mcpTool, value, reason) => {
    const facts = mcpTool === undefined ? asAnn() : { ...asAnn(), mcpTool };
    expect(outcomeOf(criterion, facts)).toEqual({ value, reasons: [reason] });
  });
});

const FINGERPRINT = "17859273e8a980631d367b2d5a6a6635412b0f22835f69e47b3f65624546a704";
const LONG_FINGERPRINT = FINGERPRINT.toUpperCase().match(/../g)!.join(":");
const SPKI = "FsDbM0rUYIiL3V339eIKqiz6HPSB+Pz2WeAWhqlqh8U=";
const certificate: ClientCertificateFacts = {
  presented: true,
  valid: true,
  fingerprintSha256: FINGERPRINT,
  spkiSha256Base64: SPKI,
  sanDns: ["1.example.com", "2.example.com"],
  sanEmail: ["ann@example.com"],
  sanUri: ["https://example.com/ann"],
  issuer: { commonName: ["Example users"], organizationName: ["Example"] },
  subject: { commonName: ["ann"], organizationalUnitName: ["Operations", "Europe"] },
};
const untrusted = { ...certificate, valid: false };
const none: ClientCertificateFacts = {
  presented: false,
  valid: false,
  fingerprintSha256: "",
  spkiSha256Base64: "",
  sanDns: [],
  sanEmail: [],
  sanUri: [],
  issuer: {},
  subject: {},
};

describe("client_certificate", () => {
  const OTHER = "0".repeat(64);

  it.each<[unknown, boolean]>([
    [{ fingerprint: FINGERPRINT }, true],
    [{ fingerprint: LONG_FINGERPRINT }, true],
    [{ fingerprint: OTHER }, false],
    [{ fingerprint: [OTHER, FINGERPRINT] }, true],
    [{ fingerprint: [] }, false],
    [{ spki_hash: SPKI }, true],
    [{ spki_hash: [SPKI, "A".repeat(43) + "="] }, true],
    [{ spki_hash: "A".repeat(43) + "=" }, false],
    [{ san_dns: "2.example.com" }, true],
    [{ san_dns: "3.example.com" }, false],
    [{ san_dns: { not: "1.example.com" } }, true],
    [{ san_email: { ends_with: "@example.com" } }, true],
    [{ san_email: "1.example.com" }, false],
    [{ san_uri: "https://example.com/ann" }, true],
    [{ san_uri: "https://example.com/bob" }, false],
    [{ issuer: "CN=Example users" }, true],
    [{ issuer: "commonname=Example users" }, true],
    [{ issuer: "CN=example users" }, false],
    [{ subject: "OU=Europe" }, true],
    [{ subject: "O=Example" }, false],
    [{ subject: "serialNumber=" }, true],
    [{ issuer: "O=Example", subject: "CN=ann" }, true],
    [{ issuer: "O=Example", subject: "CN=bob" }, false],
    [{ fingerprint: FINGERPRINT, san_dns: "1.example.com" }, true],
    [{ fingerprint: FINGERPRINT, san_dns: "3.example.com" }, false],
  ])("%j is %s of what was presented, trusted or not", (client_certificate, value) => {
    const reasons = [value ? "client-certificate-ok" : "client-certificate-unauthorized"];
    for (const clientCertificate of [certificate, untrusted]) {
      expect(outcomeOf({ client_certificate }, { ...anonymous, clientCertificate })).toEqual({
        value,
        reasons,
      });
    }
  });

  it.each<[string, Partial<Facts>]>([
    ["was presented", { clientCertificate: none }],
    ["is known", { clientCertificate: null }],
    ["exists in the protocol", {}],
  ])("is false when none %s", (_title, group) => {
    for (const matcher of [{ san_dns: { not: "x" } }, { fingerprint: FINGERPRINT }, { subject: "CN=" }]) {
      expect(outcomeOf({ client_certificate: matcher }, { ...anonymous, ...group }))
        .toEqual({ value: false, reasons: ["client-certificate-unauthorized"] });
    }
  });

  it.each<[unknown, string, Path]>([
    ["x", "policy/bad-data", []],
    [null, "policy/bad-data", []],
    [{}, "policy/bad-data", []],
    [{ isuer: "CN=x" }, "policy/unknown-matcher", ["isuer"]],
    [{ issuer: "x" }, "policy/bad-data", ["issuer"]],
    [{ issuer: "" }, "policy/bad-data", ["issuer"]],
    [{ subject: "UID=ann" }, "policy/bad-data", ["subject"]],
    [{ subject: ["CN=ann"] }, "policy/bad-data", ["subject"]],
    [{ fingerprint: FINGERPRINT.toUpperCase() }, "policy/bad-data", ["fingerprint"]],
    [{ fingerprint: LONG_FINGERPRINT.toLowerCase() }, "policy/bad-data", ["fingerprint"]],
    [{ fingerprint: FINGERPRINT.slice(1) }, "policy/bad-data", ["fingerprint"]],
    [{ fingerprint: "" }, "policy/bad-data", ["fingerprint"]],
    [{ fingerprint: {} }, "policy/bad-data", ["fingerprint"]],
    [{ fingerprint: [FINGERPRINT, "x"] }, "policy/bad-data", ["fingerprint", 1]],
    [{ spki_hash: "VYby3BAoHawLLtsyckwo5Q==" }, "policy/bad-data", ["spki_hash"]],
    [{ spki_hash: SPKI.slice(0, -1) }, "policy/bad-data", ["spki_hash"]],
    [{ spki_hash: "not%base64" }, "policy/bad-data", ["spki_hash"]],
    [{ spki_hash: [[SPKI]] }, "policy/bad-data", ["spki_hash", 0]],
    [{ san_dns: { iz: "x" } }, "policy/unknown-matcher", ["san_dns", "iz"]],
  ])("is refused with %j", (client_certificate, code, path) => {
    expectRefused({ client_certificate }, { code, path: ["client_certificate", ...path] });
  });
});

describe("invalid_client_certificate", () => {
  it.each<[string, Partial<Facts>, boolean, string]>([
    ["a trusted one", { clientCertificate: certificate }, false, "valid-client-certificate"],
    ["one that is not trusted", { clientCertificate: untrusted }, true, "invalid-client-certificate"],
    ["none", { clientCertificate: none }, true, "client-certificate-required"],
    ["a listener that does not say", { clientCertificate: null }, true, "client-certificate-required"],
    ["a protocol without", {}, true, "client-certificate-required"],
    ["a contradiction", { clientCertificate: { ...none, valid: true } }, true, "client-certificate-required"],
  ])("of %s is right", (_title, group, value, reason) => {
    expect(outcomeOf({ invalid_client_certificate: true }, { ...anonymous, ...group }))
      .toEqual({ value, reasons: [reason] });
  });
});

describe("device", () => {
  const device: DeviceFacts = { id: "d-1", type: "any", approved: false };
  const enclave: DeviceFacts = { id: "d-2", type: "enclave_only", approved: true };

  it.each<[unknown, DeviceFacts | null, boolean, string]>([
    [{ type: "any" }, device, true, "device-ok"],
    [{ type: "any" }, enclave, true, "device-ok"],
    [{ type: "any" }, null, false, "device-unauthenticated"],
    [{ type: "enclave_only" }, enclave, true, "device-ok"],
    [{ type: "enclave_only" }, device, false, "device-unauthenticated"],
    [{ is: "d-1" }, device, true, "device-ok"],
    [{ is: "d-1" }, enclave, false, "device-unauthorized"],
    [{ is: "d-1" }, null, false, "device-unauthenticated"],
    [{ approved: true }, enclave, true, "device-ok"],
    [{ approved: true }, device, false, "device-unauthorized"],
    [{ approved: false }, device, true, "device-ok"],
    [{ approved: false }, enclave, false, "device-unauthorized"],
    [{ is: "d-2", approved: true, type: "enclave_only" }, enclave, true, "device-ok"],
    [{ is: "d-1", approved: true }, device, false, "device-unauthorized"],
  ])("%j of %j is %s because of %s", (matcher, fact, value, reason) => {
    expect(outcomeOf({ device: matcher }, { ...asAnn(), device: fact })).toEqual({
      value,
      reasons: [reason],
    });
  });

  it("is false for want of a session before it is for want of a device", () => {
    for (const facts of [anonymous, { ...anonymous, device: enclave }]) {
      expect(outcomeOf({ device: { type: "any" } }, facts).reasons).toEqual(["user-unauthenticated"]);
    }
    expect(outcomeOf({ device: { type: "any" } }, asAnn()).reasons).toEqual(["device-unauthenticated"]);
  });

  it.each<[unknown, string, Path]>([
    ["d-1", "policy/bad-data", []],
    [{}, "policy/bad-data", []],
    [{ type: "enclave" }, "policy/bad-data", ["type"]],
    [{ approved: "no" }, "policy/bad-data", ["approved"]],
    [{ is: ["d-1"] }, "policy/bad-data", ["is"]],
    [{ id: "d-1" }, "policy/unknown-matcher", ["id"]],
  ])("is refused with %j", (matcher, code, path) => {
    expectRefused({ device: matcher }, { code, path: ["device", ...path] });
  });
});

const key = sshKey("ann");
const other = sshKey("bob");
const authority = sshKey("authority");
const login: SshFacts = { username: "ann", publicKey: key.blob };

function withLogin(changes: Partial<SshFacts>, facts: Facts = asAnn()): Facts {
  return { ...facts, ssh: { ...login, ...changes } };
}

describe("ssh_publickey", () => {
  it.each<[string, unknown, boolean]>([
    ["the key", key.line, true],
    ["the key with a comment", `${key.line} ann@laptop the second`, true],
    ["the key with line end", `${key.line}\n`, true],
    ["another key", other.line, false],
    ["a list with the key", [other.line, key.line], true],
    ["a list without", [other.line], false],
    ["an empty list", [], false],
  ])("of %s is right", (_title, ssh_publickey, value) => {
    const reasons = [value ? "ssh-publickey-ok" : "ssh-publickey-unauthorized"];
    expect(outcomeOf({ ssh_publickey }, withLogin({}, anonymous))).toEqual({ value, reasons });
  });

  it("is false where there is no SSH", () => {
    for (const facts of [anonymous, { ...anonymous, ssh: null }]) {
      expect(outcomeOf({ ssh_publickey: key.line }, facts))
        .toEqual({ value: false, reasons: ["ssh-publickey-unauthorized"] });
    }
  });

  it.each<[string, unknown, string, Path]>([
    ["nothing", null, "policy/bad-data", []],
    ["an object", { is: key.line }, "policy/bad-data", []],
    ["the key without type", key.line.split(" ")[1], "policy/bad-data", []],
    ["a type that the key is not of", key.line.replace("ssh-ed25519", "ssh-rsa"), "policy/bad-data", []],
    ["a key that is cut off", key.line.slice(0, 35), "policy/bad-data", []],
    ["a key that lacks its end", key.line.slice(0, -4), "policy/bad-data", []],
    ["a key that has too much", `${key.line}AAAA`, "policy/bad-data", []],
    ["a key of nothing but its type", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "policy/bad-data", []],
    ["options", `from="10.0.0.1" ${key.line}`, "policy/bad-data", []],
    ["cert-authority", `cert-authority ${key.line}`, "policy/bad-data", []],
    ["a fingerprint", "SHA256:abc", "policy/bad-data", []],
    ["two lines", `${key.line}\n${other.line}`, "policy/bad-data", []],
    ["no base64", "ssh-ed25519 AAAA!", "policy/bad-data", []],
    ["something else in the list", [key.line, "x"], "policy/bad-data", [1]],
    ["a line of 8193 characters", `${key.line} ${"x".repeat(8192)}`, "policy/too-large", []],
  ])("is refused with %s", (_title, ssh_publickey, code, path) => {
    expectRefused({ ssh_publickey }, { code, path: ["ssh_publickey", ...path] });
  });
});

describe("ssh_ca", () => {
  const { now } = anonymous;
  const good = {
    authorityKey: authority.blob,
    principals: ["ann", "root"],
    validAfter: now,
    validBefore: now + 1,
  };

  it.each<[string, SshFacts["certificate"], boolean]>([
    ["a certificate that fits", good, true],
    ["one without end", { ...good, validAfter: 0, validBefore: Infinity }, true],
    ["one of another authority", { ...good, authorityKey: other.blob }, false],
    ["one for others", { ...good, principals: ["root"] }, false],
    ["one for nobody", { ...good, principals: [] }, false],
    ["one that is not valid yet", { ...good, validAfter: now + 1 }, false],
    ["one that has expired", { ...good, validBefore: now }, false],
    ["no certificate", null, false],
  ])("of %s is right", (_title, certificate, value) => {
    const reasons = [value ? "ssh-publickey-ok" : "ssh-publickey-unauthorized"];
    const facts = withLogin(certificate === undefined ? {} : { certificate }, anonymous);
    expect(outcomeOf({ ssh_ca: [sshKey("third").line, authority.line] }, facts))
      .toEqual({ value, reasons });
  });

  it("is false where there is no SSH, and of a key that is no certificate", () => {
    expect(admits({ ssh_ca: authority.line }, anonymous)).toBe(false);
    expect(admits({ ssh_ca: authority.line }, withLogin({ publicKey: authority.blob }))).toBe(false);
  });

  it("is refused with a certificate in place of an authority", () => {
    const line = sshKey("x", "ssh-ed25519-cert-v01@openssh.com").line;
    expectRefused({ ssh_ca: line }, { code: "policy/bad-data", path: ["ssh_ca"] });
    expect(admits({ ssh_publickey: line }, withLogin({}))).toBe(false);
  });
});

describe("The login name", () => {
  it.each<[Criterion, Facts, boolean]>([
    [{ ssh_username: "ann" }, withLogin({}), true],
    [{ ssh_username: "bob" }, withLogin({}), false],
    [{ ssh_username: { in: ["ann", "bob"] } }, withLogin({}), true],
    [{ ssh_username: ["ann", "bob"] }, withLogin({}), false],
    [{ ssh_username: { not: "root" } }, asAnn(), false],
    [{ ssh_username_matches_email: true }, withLogin({}), true],
    [{ ssh_username_matches_email: true }, withLogin({ username: "bob" }), false],
    [{ ssh_username_matches_email: true }, withLogin({ username: "Ann" }), false],
    [
      { ssh_username_matches_email: true },
      withLogin({ username: "" }, asAnn({ email: "@example.com" })),
      false,
    ],
    [{ ssh_username_matches_email: true }, withLogin({ username: "" }, asAnn({ email: "" })), false],
    [{ ssh_username_matches_email: true }, withLogin({ username: "root" }, asAnn({ email: "root" })), false],
    [
      { ssh_username_matches_email: true },
      withLogin({ username: "root" }, asAnn({ email: "root@a@b" })),
      false,
    ],
    [{ ssh_username_matches_email: true }, asAnn(), false],
    [
      { ssh_username_matches_claim: "logins" },
      withLogin({}, asAnn({ claims: { logins: ["x", "ann"] } })),
      true,
    ],
    [
      { ssh_username_matches_claim: "unix/name" },
      withLogin({}, asAnn({ claims: { unix: { name: "ann" } } })),
      true,
    ],
    [{ ssh_username_matches_claim: "logins" }, withLogin({}, asAnn({ claims: { logins: ["anna"] } })), false],
    [{ ssh_username_matches_claim: "logins" }, withLogin({}), false],
    [{ ssh_username_matches_claim: "c" }, withLogin({ username: "" }, asAnn({ claims: { c: [""] } })), false],
    [{ ssh_username_matches_claim: "c" }, asAnn({ claims: { c: "ann" } }), false],
  ])("%j: row %#", (criterion, facts, value) => {
    const reasons = [value ? "ssh-username-ok" : "ssh-username-unauthorized"];
    expect(outcomeOf(criterion, facts)).toEqual({ value, reasons });
  });

  it.each([{ ssh_username_matches_email: true }, { ssh_username_matches_claim: "c" }])(
    "%j is false for want of a session",
    (criterion) => {
      expect(outcomeOf(criterion, withLogin({}, anonymous)).reasons).toEqual(["user-unauthenticated"]);
    },
  );

  it("alone asks for no session", () => {
    expect(outcomeOf({ ssh_username: "bob" }, withLogin({}, anonymous)).reasons).toEqual([
      "ssh-username-unauthorized",
    ]);
  });

  it.each<[unknown, string]>([
    ["", "policy/bad-data"],
    [null, "policy/bad-data"],
    [["c"], "policy/bad-data"],
    ["x".repeat(257), "policy/too-large"],
  ])("is refused with the claim %j", (ssh_username_matches_claim, code) => {
    expectRefused({ ssh_username_matches_claim }, { code, path: ["ssh_username_matches_claim"] });
  });
});

describe("What keeps a caller out is told in this order", () => {
  const device = { device: { type: "any" } };
  const invalid = { invalid_client_certificate: true };
  const email = { email: "bob@example.com" };
  const anyone = { accept: true };
  const session = ann;

  it.each<[string, unknown, Partial<Facts>, string]>([
    [
      "a certificate before signing in",
      { allow: { or: [email] }, deny: { or: [invalid] } },
      {},
      "client-certificate",
    ],
    [
      "a certificate before a device",
      { allow: { or: [device] }, deny: { or: [invalid] } },
      { session },
      "client-certificate",
    ],
    [
      "a certificate before a denial",
      { allow: { or: [email] }, deny: { or: [invalid] } },
      { session },
      "client-certificate",
    ],
    [
      "a certificate that is not trusted",
      { allow: { or: [anyone] }, deny: { or: [invalid] } },
      { clientCertificate: untrusted },
      "client-certificate",
    ],
    ["a trusted one: in", { allow: { or: [anyone] }, deny: { or: [invalid] } }, {
      clientCertificate: certificate,
    }, "allowed"],
    [
      "a trusted one, then signing in",
      { allow: { or: [email] }, deny: { or: [invalid] } },
      { clientCertificate: certificate },
      "unauthenticated",
    ],
    [
      "the certificate even where the deny is false",
      { allow: { or: [anyone] }, deny: { not: [invalid] } },
      {},
      "client-certificate",
    ],
    [
      "no certificate for an allow that asks for it",
      { allow: { and: [invalid, { reject: 1 }] } },
      {},
      "denied",
    ],
    ["in without a certificate by such an allow", { allow: { or: [invalid] } }, {}, "allowed"],
    [
      "a certificate that is not the one: denied",
      {
        allow: { or: [{ client_certificate: { san_dns: "x" } }] },
        deny: { or: [invalid] },
      },
      { clientCertificate: certificate },
      "denied",
    ],
    ["signing in before a device", { allow: { or: [device] } }, {}, "unauthenticated"],
    ["signing in before a device, in any order", { allow: { or: [device, email] } }, {}, "unauthenticated"],
    ["a device before a denial", { allow: { or: [device, email] } }, { session }, "device"],
    [
      "a device that a deny asks for",
      { allow: { or: [anyone] }, deny: { or: [device] } },
      { session },
      "device",
    ],
    ["no device where another rule lets in", { allow: { or: [device, anyone] } }, { session }, "allowed"],
    ["a device that is another: denied", { allow: { or: [{ device: { is: "d-9" } }] } }, {
      session,
      device: { id: "d-1", type: "any", approved: true },
    }, "denied"],
  ])("%s", (_title, data, group, verdict) => {
    const decision = ask(data, { ...anonymous, ...group });
    expect(decision.verdict).toBe(verdict);
    expect("grant" in decision).toBe(verdict === "allowed");
  });
});
