import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AuthorityError,
  formatAuthority,
  formatHost,
  parseAuthority,
  parseHost,
} from "../../lib/base/authority.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AuthorityError) return error.code;
    throw error;
  }
  return "accepted";
}

const LONGEST_NAME = [63, 63, 63, 61].map((length) => "a".repeat(length)).join(".");

describe("parseAuthority()", () => {
  it.each([
    ["redis.example.com:6379", "redis.example.com", 6379],
    ["Redis.Example.COM:1", "redis.example.com", 1],
    ["example.com.:443", "example.com", 443],
    ["localhost:65535", "localhost", 65535],
    ["_service._tcp.example.com:5", "_service._tcp.example.com", 5],
    ["192.0.2.1:80", "192.0.2.1", 80],
    ["[::1]:22", "::1", 22],
    ["[2001:DB8::A]:22", "2001:db8::a", 22],
    ["[::ffff:192.0.2.1]:22", "::ffff:192.0.2.1", 22],
    ["a:00080", "a", 80],
    [`${LONGEST_NAME}:65535`, LONGEST_NAME, 65535],
  ])("reads %s", (text, host, port) => {
    expect(parseAuthority(text)).toEqual({ host, port });
  });

  it.each([
    ["", "authority/empty"],
    [":443", "authority/empty"],
    [".:443", "authority/empty"],
    ["a".repeat(263), "authority/too-long"],
    ["ann@example.com:443", "authority/userinfo"],
    ["ann:secret@example.com:443", "authority/userinfo"],
    ["example.com", "authority/no-port"],
    ["[::1]", "authority/no-port"],
    ["example.com:", "authority/bad-port"],
    ["example.com:0", "authority/bad-port"],
    ["example.com:65536", "authority/bad-port"],
    ["example.com:000080", "authority/bad-port"],
    ["example.com:+80", "authority/bad-port"],
    ["example.com:8 0", "authority/bad-port"],
    ["example.com:٨٠", "authority/bad-port"],
    ["example.com:80/x", "authority/bad-port"],
    ["::1:443", "authority/unbracketed-ipv6"],
    ["a:1:2", "authority/unbracketed-ipv6"],
    ["[::1:443", "authority/bad-host"],
    ["[::1]443", "authority/bad-host"],
    ["[::1%25eth0]:443", "authority/bad-host"],
    ["[192.0.2.1]:443", "authority/bad-host"],
    ["[]:443", "authority/bad-host"],
    ["a..b:443", "authority/bad-host"],
    ["-a:443", "authority/bad-host"],
    ["a-:443", "authority/bad-host"],
    [`${"a".repeat(64)}:443`, "authority/bad-host"],
    [`a${LONGEST_NAME}:443`, "authority/bad-host"],
    ["example%2ecom:443", "authority/bad-host"],
    ["exämple.com:443", "authority/bad-host"],
    ["\u212Aelvin.example:443", "authority/bad-host"],
    ["a\0b:443", "authority/bad-host"],
    ["a\n:443", "authority/bad-host"],
    ["https://example.com", "authority/bad-port"],
  ])("refuses %j with %s", (text, code) => {
    expect(codeOf(() => parseAuthority(text))).toBe(code);
  });

  it("takes the default port only when none is written", () => {
    expect(parseAuthority("example.com", { defaultPort: 443 }).port).toBe(443);
    expect(parseAuthority("[::1]", { defaultPort: 443 }).port).toBe(443);
    expect(parseAuthority("example.com:1", { defaultPort: 443 }).port).toBe(1);
    expect(codeOf(() => parseAuthority("example.com:", { defaultPort: 443 }))).toBe("authority/bad-port");
  });

  it("reads back what formatAuthority() writes", () => {
    const host = fc.oneof(fc.domain().map((name) => name.toLowerCase()), fc.ipV4(), fc.ipV6());
    fc.assert(fc.property(host, fc.integer({ min: 1, max: 65535 }), (host, port) => {
      const authority = { host: host.toLowerCase(), port };
      expect(parseAuthority(formatAuthority(authority))).toEqual(authority);
    }));
  });

  it("reads any text or throws AuthorityError", () => {
    const garbage = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."[]:.@/%-a1\0") }));
    fc.assert(fc.property(garbage, (text) => {
      expect(codeOf(() => parseAuthority(text))).toMatch(/^accepted$|^authority\//);
    }));
  });
});

describe("parseHost()", () => {
  it.each([
    ["Example.com.", "example.com"],
    ["[::1]", "::1"],
    ["192.0.2.1", "192.0.2.1"],
    ["example.com..", "authority/bad-host"],
    ["::1", "authority/bad-host"],
    ["a:1", "authority/bad-host"],
    ["", "authority/empty"],
  ])("makes %j into %s", (text, expected) => {
    let host = "";
    const code = codeOf(() => host = parseHost(text));
    expect(code === "accepted" ? host : code).toBe(expected);
  });
});

describe("formatHost()", () => {
  it.each([["example.com", "example.com"], ["::1", "[::1]"]])("writes %s as %s", (host, text) => {
    expect(formatHost(host)).toBe(text);
  });
});
