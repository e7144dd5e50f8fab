import { describe, expect, it } from "vitest";
import { validatePath } from "../../lib/pki/validate_path.ts";
import { der, Entity, extension, extensions, name, names } from "./_forge.ts";
import { NOW } from "./_pairs.ts";

const { dns, email, uri, ip, directory, upn } = names;
const root = await Entity.root("Root");
const PERMITTED = "pki/path-name-not-permitted";
const EXCLUDED = "pki/path-name-excluded";

/** The outcome for a leaf with `subject` names below an authority with `constraint`. */
async function outcome(
  constraint: Uint8Array,
  subject: Uint8Array[],
  leafName: string | Uint8Array = "Leaf",
) {
  const ca = await root.issueAuthority("CA", { extensions: [extensions.authority(), constraint] });
  const leaf = await ca.issue({
    subject: leafName,
    extensions: subject.length === 0 ? [] : [extensions.alternativeNames(...subject)],
  });
  try {
    await validatePath(leaf.certificate, {
      intermediates: [ca.certificate],
      anchors: [root.certificate],
      now: NOW,
      purpose: "client-auth",
    });
    return "valid";
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe("name constraints", () => {
  it.each<[string, Uint8Array, Uint8Array, string]>([
    ["DNS: itself", dns("example.com"), dns("example.com"), "valid"],
    ["DNS: below", dns("example.com"), dns("a.b.EXAMPLE.com"), "valid"],
    ["DNS: a name that ends alike", dns("example.com"), dns("badexample.com"), PERMITTED],
    ["DNS: above", dns("a.example.com"), dns("example.com"), PERMITTED],
    ["DNS: a wildcard below", dns("example.com"), dns("*.example.com"), "valid"],
    ["DNS: a wildcard beside", dns("a.example.com"), dns("*.example.com"), PERMITTED],
    ["DNS: a dot in front, below", dns(".example.com"), dns("a.example.com"), "valid"],
    ["DNS: a dot in front, itself", dns(".example.com"), dns("example.com"), PERMITTED],
    ["DNS: everything", dns(""), dns("example.com"), "valid"],
    ["DNS: not a name", dns(""), dns("exa mple.com"), PERMITTED],
    ["DNS: a dot at the end", dns("example.com"), dns("example.com."), PERMITTED],
    ["e-mail: a host", email("example.com"), email("a@example.com"), "valid"],
    ["e-mail: below a host", email("example.com"), email("a@b.example.com"), PERMITTED],
    ["e-mail: a domain", email(".example.com"), email("a@b.example.com"), "valid"],
    ["e-mail: a mailbox", email("a@example.com"), email("a@EXAMPLE.com"), "valid"],
    ["e-mail: another mailbox", email("a@example.com"), email("A@example.com"), PERMITTED],
    ["e-mail: not an address", email("example.com"), email("example.com"), PERMITTED],
    ["URI: a host", uri("example.com"), uri("https://u@example.com:1/x?y"), "valid"],
    ["URI: below a host", uri("example.com"), uri("https://a.example.com/"), PERMITTED],
    ["URI: a domain", uri(".example.com"), uri("https://a.example.com"), "valid"],
    ["URI: a trick with @", uri("example.com"), uri("https://example.com@evil.example/"), PERMITTED],
    [
      "URI: a trick with a backslash",
      uri("example.com"),
      uri("https://evil.example\\@example.com/"),
      PERMITTED,
    ],
    ["URI: an address", uri(".example.com"), uri("https://192.0.2.1/"), PERMITTED],
    ["URI: no host", uri(".example.com"), uri("urn:a.example.com"), PERMITTED],
    ["IP: within", ip("0a000000ff000000"), ip("0a010203"), "valid"],
    ["IP: beside", ip("0a000000ff000000"), ip("0b010203"), PERMITTED],
    [
      "IP: version 6",
      ip(`20010db8${"0".repeat(24)}ffffffff${"0".repeat(24)}`),
      ip(`20010db8${"1".repeat(24)}`),
      "valid",
    ],
    ["IP: version 6 below version 4", ip("0000000000000000"), ip(`20010db8${"1".repeat(24)}`), PERMITTED],
    ["directory: the subject, though the name fits", directory(name("A")), directory(name("A")), PERMITTED],
    ["user principal name", upn("example.com"), upn("a@example.com"), PERMITTED],
    ["another kind of name", dns("example.com"), email("a@evil.example"), "valid"],
  ])("permitted %s", async (_, base, subject, expected) => {
    expect(await outcome(extensions.permitted(base), [subject])).toBe(expected);
  });

  it.each<[string, Uint8Array, Uint8Array, string]>([
    ["DNS: itself", dns("example.com"), dns("example.com"), EXCLUDED],
    ["DNS: below", dns("example.com"), dns("a.example.com"), EXCLUDED],
    ["DNS: another", dns("example.com"), dns("example.org"), "valid"],
    ["DNS: a wildcard that stands for it", dns("a.example.com"), dns("*.example.com"), EXCLUDED],
    ["DNS: a wildcard elsewhere", dns("a.example.com"), dns("*.example.org"), "valid"],
    ["DNS: not a name", dns("example.com"), dns("exa mple.com"), PERMITTED],
    ["DNS: a constraint that is none", dns("*.example.com"), dns("example.org"), PERMITTED],
    ["e-mail: a constraint that is none", email("@example.com"), email("a@example.org"), PERMITTED],
    ["e-mail: a host", email("example.com"), email("a@example.com"), EXCLUDED],
    ["URI: a domain", uri(".example.com"), uri("https://a.example.com"), EXCLUDED],
    ["URI: another", uri(".example.com"), uri("https://example.org"), "valid"],
    ["URI: an address of version 4", uri(".example.com"), uri("https://192.0.2.1/"), PERMITTED],
    ["URI: an address", uri(".example.com"), uri("https://[2001:db8::1]/"), PERMITTED],
    ["IP: within", ip("0a000000ff000000"), ip("0a010203"), EXCLUDED],
    ["IP: beside", ip("0a000000ff000000"), ip("0b010203"), "valid"],
    ["directory", directory(name("A")), directory(name("A")), EXCLUDED],
    ["user principal name", upn("example.com"), upn("a@example.org"), PERMITTED],
  ])("excluded %s", async (_, base, subject, expected) => {
    expect(await outcome(extensions.excluded(base), [subject])).toBe(expected);
  });

  const organization = (text: string) => der.set(der.seq(der.oid("2.5.4.10"), der.utf8(text)));
  const person = der.set(der.seq(der.oid("2.5.4.3"), der.utf8("Alice")));
  it.each([
    ["below", der.seq(organization("ACME"), person), "valid"],
    ["in another spelling", der.seq(organization("Acme "), person), "valid"],
    ["elsewhere", der.seq(organization("Evil"), person), PERMITTED],
    ["below, but in another place", der.seq(person, organization("ACME")), PERMITTED],
  ])("bind the subject: %s", async (_, subject, expected) => {
    expect(await outcome(extensions.permitted(directory(der.seq(organization("ACME")))), [], subject)).toBe(
      expected,
    );
  });

  it("bind an e-mail address in the subject", async () => {
    const mail = (text: string) => der.seq(der.set(der.seq(der.oid("1.2.840.113549.1.9.1"), der.ia5(text))));
    const constraint = extensions.permitted(email("example.com"));
    expect(await outcome(constraint, [], mail("a@example.com"))).toBe("valid");
    expect(await outcome(constraint, [], mail("a@evil.example"))).toBe(PERMITTED);
  });

  it("do not bind what has no such name", async () => {
    expect(await outcome(extensions.permitted(dns("example.com")), [])).toBe("valid");
  });

  it("of every authority count", async () => {
    const wide = await root.issueAuthority("Wide", {
      extensions: [extensions.authority(), extensions.permitted(dns("example.com"))],
    });
    const narrow = await wide.issueAuthority("Narrow", {
      extensions: [extensions.authority(), extensions.permitted(dns("evil.example"))],
    });
    const leaf = await narrow.issue({ extensions: [extensions.alternativeNames(dns("evil.example"))] });
    await expect(validatePath(leaf.certificate, {
      intermediates: [wide.certificate, narrow.certificate],
      anchors: [root.certificate],
      now: NOW,
      purpose: "client-auth",
    })).rejects.toThrow(expect.objectContaining({ code: PERMITTED, index: 0 }));
  });

  it("with a minimum or a maximum are refused", async () => {
    const subtree = der.seq(dns("example.com"), der.implicit(1, Uint8Array.of(3)));
    const constraint = extension("2.5.29.30", der.seq(der.context(0, subtree)), true);
    const ca = await root.issueAuthority("CA", { extensions: [extensions.authority(), constraint] });
    expect(() => ca.certificate).toThrow(expect.objectContaining({ code: "pki/bad-certificate" }));
  });
});
