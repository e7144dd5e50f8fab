import { describe, expect, it } from "vitest";
import { asksForCertificate, withCertificateRequired } from "../../lib/policy/client_certificate_rule.ts";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { decide } from "../../lib/policy/decide.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";

const policyOf = (data: unknown) => compilePolicy(parsePolicy(data));

describe("asksForCertificate()", () => {
  it.each([
    [{ allow: { or: [{ email: "a@b.test" }, { source_ip: "10.0.0.0/8" }] } }, false],
    [{ allow: { or: [{ client_certificate: { san_dns: "a.test" } }] } }, true],
    [{ deny: { or: [{ invalid_client_certificate: true }] } }, true],
    [
      { allow: { and: [{ any_of: [{ accept: true }, { client_certificate: { san_dns: "a.test" } }] }] } },
      true,
    ],
    [[], false],
  ])("of %j is %j", (data, asks) => {
    expect(asksForCertificate(policyOf(data))).toBe(asks);
  });
});

describe("withCertificateRequired()", () => {
  const facts = { routeId: "r", now: 0, sourceIp: null, session: null };
  const certificate = {
    presented: true,
    valid: true,
    fingerprintSha256: "",
    spkiSha256Base64: "",
    sanDns: [],
    sanEmail: [],
    sanUri: [],
    issuer: {},
    subject: {},
  };

  it.each(
    [
      ["none", null, "client-certificate"],
      ["one that is not trusted", { ...certificate, valid: false }, "client-certificate"],
      ["one that is trusted", certificate, "allowed"],
    ] as const,
  )("answers a caller with %s", (_, clientCertificate, verdict) => {
    const policy = withCertificateRequired(policyOf({ allow: { or: [{ accept: true }] } }));
    expect(decide(policy, { ...facts, clientCertificate }).verdict).toBe(verdict);
  });

  it("allows nobody more, and does not make an empty policy one that is not", () => {
    const policy = withCertificateRequired(policyOf([]));
    expect(policy.isEmpty).toBe(true);
    expect(decide(policy, { ...facts, clientCertificate: certificate }).verdict).toBe("denied");
  });
});
