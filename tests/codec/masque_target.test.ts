import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AuthorityError } from "../../lib/base/authority.ts";
import { formatUdpTarget, parseUdpTarget, UDP_TARGET_PREFIX } from "../../lib/codec/masque_target.ts";

describe("parseUdpTarget()", () => {
  it.each([
    // RFC 9298 sections 2 and 3.
    ["192.0.2.6/443/", "192.0.2.6", 443],
    ["2001%3Adb8%3A%3A42/443/", "2001:db8::42", 443],
    ["target.example.com/443/", "target.example.com", 443],
    // As existing clients send it.
    ["2001:db8::42/53/", "2001:db8::42", 53],
    ["2001%3adb8::42/53/", "2001:db8::42", 53],
    ["%3A%3Affff%3A192.0.2.6/53/", "::ffff:192.0.2.6", 53],
    ["DNS.Example.com./53/", "dns.example.com", 53],
    ["%64ns.example.com/%35%33/", "dns.example.com", 53],
    ["_dns.example.com/1/", "_dns.example.com", 1],
    ["a/65535/", "a", 65535],
    [`${"a.".repeat(126)}b/53/`, `${"a.".repeat(126)}b`, 53],
    [`${"%61.".repeat(126)}b/53/`, `${"a.".repeat(126)}b`, 53],
  ])("reads %s", (rest, host, port) => {
    expect(parseUdpTarget(UDP_TARGET_PREFIX + rest)).toEqual({ host, port });
  });

  it.each([
    ["no host", "/53/", "authority/empty"],
    ["no port", "a//", "authority/bad-port"],
    ["port 0", "a/0/", "authority/bad-port"],
    ["port 65536", "a/65536/", "authority/bad-port"],
    ["a port with a sign", "a/+53/", "authority/bad-port"],
    ["a port that is a name", "a/dns/", "authority/bad-port"],
    ["a port with a space", "a/53%20/", "authority/bad-port"],
    ["two ports", "a/53%3A54/", "authority/unbracketed-ipv6"],
    ["a zone id", "fe80%3A%3A1%25eth0/53/", "authority/bad-host"],
    ["an escaped slash", "a%2Fb/53/", "authority/bad-host"],
    ["an escaped slash in the port", "a/53%2F/", "authority/bad-port"],
    ["a name escaped twice", "%2561/53/", "authority/bad-host"],
    ["an address escaped twice", "2001%253Adb8%253A%253A42/53/", "authority/bad-host"],
    ["user information", "user%40a/53/", "authority/userinfo"],
    ["unescaped user information", "user@a/53/", "authority/userinfo"],
    ["brackets", "%5B::1%5D/53/", "authority/bad-host"],
    ["unescaped brackets", "[::1]/53/", "authority/bad-host"],
    ["a port in the host", "a%3A53/53/", "authority/bad-host"],
    ["a NUL", "a%00/53/", "authority/bad-host"],
    ["a line break", "a%0D%0A/53/", "authority/bad-host"],
    ["a letter beyond ASCII", "%C3%A4.test/53/", "authority/bad-host"],
    ["a Kelvin sign", "%E2%84%AA/53/", "authority/bad-host"],
    ["bytes that are no UTF-8", "%ff/53/", "authority/bad-host"],
    ["a percent sign alone", "%/53/", "authority/bad-host"],
    ["half an escape", "%6/53/", "authority/bad-host"],
    ["a dot", "./53/", "authority/empty"],
    ["two dots", "../53/", "authority/bad-host"],
    ["a name of 254 characters", `${"a.".repeat(126)}bc/53/`, "authority/bad-host"],
    ["a name of 300 characters", `${"a.".repeat(150)}/53/`, "authority/too-long"],
    ["no slash at the end", "a/53", "authority/bad-host"],
    ["more behind it", "a/53/x", "authority/bad-host"],
    ["a query", "a/53/?x", "authority/bad-host"],
    ["a fragment", "a/53/#x", "authority/bad-host"],
    ["nothing", "", "authority/bad-host"],
    ["a slash too many", "/a/53/", "authority/bad-host"],
  ])("refuses %s", (_, rest, code) => {
    expect(() => parseUdpTarget(UDP_TARGET_PREFIX + rest)).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    "/",
    "",
    "*",
    "/.WELL-KNOWN/masque/udp/a/53/",
    "//.well-known/masque/udp/a/53/",
    "/x/.well-known/masque/udp/a/53/",
  ])(
    "refuses the path '%s'",
    (path) => expect(() => parseUdpTarget(path)).toThrow(AuthorityError),
  );

  it("either reads any path or throws an AuthorityError, and what it reads is written and read again", () => {
    const part = fc.string({
      unit: fc.constantFrom("a", "1", ".", ":", "%", "2", "5", "F", "[", "]", "@", "/", "\0", "ä"),
    });
    fc.assert(
      fc.property(part, fc.oneof(part, fc.nat(70_000).map(String)), (host, port) => {
        try {
          const target = parseUdpTarget(`${UDP_TARGET_PREFIX}${host}/${port}/`);
          expect(parseUdpTarget(formatUdpTarget(target))).toEqual(target);
          expect(target.host).toMatch(/^[a-z0-9._:-]+$/);
        } catch (error) {
          if (!(error instanceof AuthorityError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("formatUdpTarget()", () => {
  it.each([
    ["192.0.2.6", 443, "/.well-known/masque/udp/192.0.2.6/443/"],
    ["2001:db8::42", 443, "/.well-known/masque/udp/2001%3Adb8%3A%3A42/443/"],
    ["target.example.com", 443, "/.well-known/masque/udp/target.example.com/443/"],
  ])("writes %s", (host, port, path) => {
    expect(formatUdpTarget({ host, port })).toBe(path);
  });
});
