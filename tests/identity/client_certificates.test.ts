import { AsnConvert } from "@peculiar/asn1-schema";
import { Certificate as Asn1Certificate } from "@peculiar/asn1-x509";
import { beforeAll, describe, expect, it } from "vitest";
import type { DownstreamMtls } from "../../lib/config/downstream_mtls.ts";
import { ClientCertificates } from "../../lib/identity/client_certificates.ts";
import { type ClientPair, type IssueOptions, TestAuthority } from "../_support/test_authority.ts";

const DAY_MS = 86_400_000;
const NOW = Date.now();

let root: TestAuthority;
let below: TestAuthority;
let alice: ClientPair;

beforeAll(async () => {
  root = await TestAuthority.create("Root");
  below = await root.intermediate("Below");
  alice = await root.issue({
    commonName: "alice",
    names: [
      { type: "dns", value: "laptop.example.com" },
      { type: "email", value: "alice@example.com" },
      { type: "url", value: "spiffe://example.com/alice" },
      { type: "ip", value: "10.1.2.3" },
      { type: "ip", value: "2001:db8::7" },
      { type: "upn", value: "alice@corp.example.com" },
    ],
  });
});

function judgeOf(settings: Partial<DownstreamMtls> = {}, clock = { now: () => NOW }): ClientCertificates {
  return new ClientCertificates({
    authoritiesPem: null,
    crlPem: null,
    crlCheck: "leaf",
    ocsp: "off",
    enforcement: "policy_with_default_deny",
    subjectAlternativeNames: [],
    maxVerifyDepth: 1,
    ...settings,
  }, { clock });
}

const trusting = (...authorities: { pem: string }[]) => ({
  clientAuthoritiesPem: authorities.length === 0 ? null : authorities.map(({ pem }) => pem).join(""),
});

describe("ClientCertificates.judge()", () => {
  it("states what a trusted certificate says", async () => {
    const { facts, reason, details } = await judgeOf().judge([alice.der], trusting(root));
    expect(reason).toBeNull();
    expect(facts).toEqual({
      presented: true,
      valid: true,
      fingerprintSha256: new Uint8Array(await crypto.subtle.digest("SHA-256", alice.der)).toHex(),
      spkiSha256Base64: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      sanDns: ["laptop.example.com"],
      sanEmail: ["alice@example.com"],
      sanUri: ["spiffe://example.com/alice"],
      issuer: { commonName: ["Root"] },
      subject: { commonName: ["alice"] },
    });
    expect(details).toEqual({
      issuer: "CN=Root",
      subject: "CN=alice",
      fingerprint: facts.fingerprintSha256,
      sans: [
        "dns:laptop.example.com",
        "email:alice@example.com",
        "uri:spiffe://example.com/alice",
        "ip_address:10.1.2.3",
        "ip_address:2001:db8::7",
        "user_principal_name:alice@corp.example.com",
      ],
    });
  });

  it.each([["was not asked", null], ["presented none", []]])("states nothing of who %s", async (_, chain) => {
    const { facts, reason, details } = await judgeOf().judge(chain, trusting(root));
    expect(facts).toMatchObject({ presented: false, valid: false, fingerprintSha256: "", sanDns: [] });
    expect([reason, details]).toEqual([null, null]);
  });

  it.each<[string, () => Promise<Uint8Array<ArrayBuffer>[]>]>([
    ["of an authority of the same name", async () => {
      return [(await (await TestAuthority.create("Root")).issue({})).der];
    }],
    ["that has expired", () => issued({ notAfter: NOW - 1000 })],
    ["that is not valid yet", () => issued({ notBefore: NOW + 60_000 })],
    ["for servers", () => issued({ usages: ["1.3.6.1.5.5.7.3.1"] })],
    ["below an intermediate, which is too deep", async () => [(await below.issue({})).der, below.der]],
  ])("does not trust one %s", async (_, present) => {
    const { facts, reason } = await judgeOf().judge(await present(), trusting(root));
    expect(facts).toMatchObject({ presented: true, valid: false });
    expect(reason).toMatch(/RFC 5280/);
  });

  it("trusts none on a route without authorities", async () => {
    expect((await judgeOf().judge([alice.der], trusting())).facts).toMatchObject({ valid: false });
  });

  it("judges each route by its own authorities", async () => {
    const other = await TestAuthority.create("Other");
    const judge = judgeOf();
    const verdicts = await Promise.all(
      [trusting(root), trusting(other), trusting(other, root)].map((route) =>
        judge.judge([alice.der], route)
      ),
    );
    expect(verdicts.map(({ facts }) => facts.valid)).toEqual([true, false, true]);
  });

  it.each([[1, false], [2, true], [0, true]])(
    "with max_verify_depth %i: %j",
    async (maxVerifyDepth, valid) => {
      const bob = await below.issue({ commonName: "bob" });
      const { facts } = await judgeOf({ maxVerifyDepth }).judge([bob.der, below.der], trusting(root));
      expect(facts.valid).toBe(valid);
    },
  );

  it.each(
    [
      ["dns", ".*\\.example\\.com", true],
      ["dns", "example\\.com", false],
      ["email", "alice@.*", true],
      ["email", "laptop.*", false],
      ["uri", "spiffe://example\\.com/.+", true],
      ["ip_address", "10\\.1\\..*", true],
      ["ip_address", "2001:db8::7", true],
      ["user_principal_name", ".*@corp\\.example\\.com", true],
      ["user_principal_name", ".*@corp", false],
    ] as const,
  )("with match_subject_alt_names %s %s: %j", async (type, pattern, valid) => {
    const judge = judgeOf({
      subjectAlternativeNames: [{ type: "dns", pattern: "never" }, { type, pattern }],
    });
    const { facts, reason } = await judge.judge([alice.der], trusting(root));
    expect([facts.valid, reason === null]).toEqual([valid, valid]);
  });

  it("takes no name for a match that is too long to be compared", async () => {
    const long = await root.issue({ names: [{ type: "dns", value: `${"a".repeat(5000)}.test` }] });
    const judge = judgeOf({ subjectAlternativeNames: [{ type: "dns", pattern: ".*" }] });
    expect((await judge.judge([long.der], trusting(root))).facts.valid).toBe(false);
  });
});

describe("ClientCertificates.judge() with revocation lists", () => {
  it.each([[true, false], [false, true]])("revoked: %j", async (isRevoked, valid) => {
    const judge = judgeOf({ crlPem: await root.crl(isRevoked ? [alice] : []) });
    expect((await judge.judge([alice.der], trusting(root))).facts.valid).toBe(valid);
  });

  it("does not look at lists of others, nor needs one", async () => {
    const other = await TestAuthority.create("Other");
    const judge = judgeOf({ crlPem: await other.crl([alice]) });
    expect((await judge.judge([alice.der], trusting(root))).facts.valid).toBe(true);
  });

  it("trusts nobody by a list that somebody else has signed", async () => {
    const judge = judgeOf({ crlPem: await (await TestAuthority.create("Root")).crl([]) });
    expect((await judge.judge([alice.der], trusting(root))).reason).toMatch(/not signed/);
  });

  it.each([["leaf", true], ["chain", false]] as const)(
    "checks what crl_check says: %s",
    async (crlCheck, valid) => {
      const bob = await below.issue({});
      const serialNumber = serialOf(below.der);
      const crlPem = await root.crl([{ ...alice, serialNumber }]);
      const judge = judgeOf({ crlPem, crlCheck, maxVerifyDepth: 0 });
      expect((await judge.judge([bob.der, below.der], trusting(root))).facts.valid).toBe(valid);
    },
  );

  it.each(
    [
      ["policy_with_default_deny", true],
      ["policy", true],
      ["reject_connection", false],
    ] as const,
  )("that are too old, in mode %s: trusted is %j", async (enforcement, valid) => {
    const crlPem = await root.crl([], { thisUpdate: NOW - 2 * DAY_MS, nextUpdate: NOW - DAY_MS });
    expect((await judgeOf({ crlPem, enforcement }).judge([alice.der], trusting(root))).facts.valid).toBe(
      valid,
    );
  });
});

describe("ClientCertificates.judge() of a certificate whose handshake proves nothing", () => {
  /** The same certificate in another form. Nobody could tell by the handshake whether a client has its key. */
  function altered(change: (certificate: Asn1Certificate) => void): Uint8Array<ArrayBuffer> {
    const certificate = AsnConvert.parse(alice.der, Asn1Certificate);
    change(certificate);
    certificate.tbsCertificateRaw = undefined as never;
    return new Uint8Array(AsnConvert.serialize(certificate));
  }

  it.each<[string, () => Uint8Array<ArrayBuffer>]>([
    ["of version 1", () =>
      altered(({ tbsCertificate }) => {
        tbsCertificate.version = 0;
        delete tbsCertificate.extensions;
      })],
    ["of version 2", () =>
      altered(({ tbsCertificate }) => {
        tbsCertificate.version = 1;
        delete tbsCertificate.extensions;
      })],
    ["with unique identifiers", () =>
      altered(({ tbsCertificate }) => {
        tbsCertificate.subjectUniqueID = new Uint8Array([1, 2, 3]).buffer;
      })],
    ["with a key that cannot be read", () =>
      altered(({ tbsCertificate }) => {
        tbsCertificate.subjectPublicKeyInfo.subjectPublicKey = new Uint8Array([4, 5]).buffer;
      })],
    ["that is no certificate", () => new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x05])],
    ["that is not DER", () => alice.der.slice(0, -1)],
  ])("counts one %s as not presented", async (_, make) => {
    const { facts, reason } = await judgeOf().judge([make()], trusting(root));
    expect(facts).toMatchObject({ presented: false, valid: false, fingerprintSha256: "" });
    expect(reason).not.toBeNull();
  });

  it("counts one that is only signed by somebody else as presented: its handshake was verified", async () => {
    const stranger = await (await TestAuthority.create("Stranger")).issue({});
    const { facts } = await judgeOf().judge([stranger.der], trusting(root));
    expect(facts).toMatchObject({ presented: true, valid: false });
  });
});

describe("ClientCertificates.judge() as time passes", () => {
  it("judges anew when a certificate ends, and not before", async () => {
    let now = NOW;
    const notAfter = Math.floor(NOW / 1000) * 1000 + 60_000;
    const carol = await root.issue({ notAfter });
    const judge = judgeOf({}, { now: () => now });
    const chain = [carol.der];
    const first = await judge.judge(chain, trusting(root));
    expect(judge.nextChange(chain, trusting(root))).toBe(notAfter + 1);
    now = notAfter;
    expect(await judge.judge(chain, trusting(root))).toBe(first);
    now = notAfter + 1;
    expect((await judge.judge(chain, trusting(root))).facts.valid).toBe(false);
    now = NOW - 2 * DAY_MS;
    expect((await judge.judge(chain, trusting(root))).reason).toMatch(/valid/);
  });

  it("says nothing will change for who presented none", () => {
    expect(judgeOf().nextChange([], trusting(root))).toBeNull();
    expect(judgeOf().nextChange(null, trusting(root))).toBeNull();
  });
});

async function issued(options: IssueOptions): Promise<Uint8Array<ArrayBuffer>[]> {
  return [(await root.issue(options)).der];
}

function serialOf(der: Uint8Array<ArrayBuffer>): string {
  return new Uint8Array(AsnConvert.parse(der, Asn1Certificate).tbsCertificate.serialNumber).toHex();
}
