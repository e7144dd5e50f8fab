import { describe, expect, it } from "vitest";
import { standsForHost } from "../../lib/pki/server_name.ts";
import { Entity, extensions, names } from "./_forge.ts";

const root = await Entity.root("Root");
const all = [
  names.dns("www.example.com"),
  names.dns("*.Example.org"),
  names.dns("f*.example.net"),
  names.dns("*.com"),
  names.dns("*.corp"),
  names.dns("*.localhost"),
  names.dns("*.test"),
  names.dns("198.51.100.1"),
  names.ip("c0000201"),
  names.ip("00000000000000000000ffffcb007101"),
  names.ip("20010db8000000000000000000000001"),
  names.uri("https://uri.example.com"),
];
const { certificate } = await root.issue({
  subject: "subject.example.com",
  extensions: [extensions.alternativeNames(...all)],
});

describe("standsForHost()", () => {
  it.each([
    "www.example.com",
    "WWW.EXAMPLE.COM",
    "www.example.com.",
    "a.example.org",
    "db.localhost",
    "DB.localhost.",
    "db.test",
    "192.0.2.1",
    "2001:db8::1",
    "2001:DB8:0:0::1",
    "::ffff:192.0.2.1",
  ])("accepts %s", (host) => {
    expect(standsForHost(certificate, host)).toBe(true);
  });

  it.each([
    "",
    "example.com",
    "a.www.example.com",
    "example.org",
    "a.b.example.org",
    ".example.org",
    "*.example.org",
    "foo.example.net",
    "other.com",
    "db.corp",
    "localhost",
    "a.db.localhost",
    "subject.example.com",
    "uri.example.com",
    "192.0.2.2",
    "198.51.100.1",
    "203.0.113.1",
    "2001:db8::2",
    "192.0.2.1.",
  ])("refuses %j", (host) => {
    expect(standsForHost(certificate, host)).toBe(false);
  });

  it("refuses everything without alternative names", async () => {
    const bare = (await root.issue({ subject: "www.example.com", extensions: [] })).certificate;
    expect(standsForHost(bare, "www.example.com")).toBe(false);
  });
});
