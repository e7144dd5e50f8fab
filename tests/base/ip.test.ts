import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseIp, parseIpPrefix, prefixContains } from "../../lib/base/ip.ts";

describe("parseIp()", () => {
  it.each([
    ["0.0.0.0", 4, 0n],
    ["192.0.2.1", 4, 0xc0000201n],
    ["255.255.255.255", 4, 0xffffffffn],
    ["::", 6, 0n],
    ["::1", 6, 1n],
    ["1::", 6, 1n << 112n],
    ["1:2:3:4:5:6:7:8", 6, 0x00010002000300040005000600070008n],
    ["1:2:3:4:5:6:7::", 6, 0x00010002000300040005000600070000n],
    ["::2:3:4:5:6:7:8", 6, 0x00000002000300040005000600070008n],
    ["2001:DB8::a", 6, 0x20010db800000000000000000000000an],
    ["2001:0db8::000a", 6, 0x20010db800000000000000000000000an],
    ["64:ff9b::192.0.2.1", 6, 0x0064ff9b0000000000000000c0000201n],
    ["1:2:3:4:5:6:192.0.2.1", 6, 0x000100020003000400050006c0000201n],
    ["::192.0.2.1", 6, 0xc0000201n],
    ["::ffff:192.0.2.1", 4, 0xc0000201n],
    ["::FFFF:c000:201", 4, 0xc0000201n],
    ["0:0:0:0:0:ffff:192.0.2.1", 4, 0xc0000201n],
    ["::fffe:192.0.2.1", 6, 0xfffec0000201n],
  ])("reads %s", (text, version, value) => {
    expect(parseIp(text)).toEqual({ version, value });
  });

  it.each([
    "",
    ":",
    ":::",
    "1",
    "127.1",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "010.0.0.1",
    "1.2.3.04",
    "0x7f.0.0.1",
    "1.2.3.4 ",
    "1.2.3.4\n",
    "١.2.3.4",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8::",
    "1::2::3",
    "12345::",
    "g::",
    "1:",
    ":1",
    "[::1]",
    "::1%eth0",
    "::1/128",
    "1.2.3.4::",
    "1.2.3.4::1",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::01.2.3.4",
    "::ffff:1.2.3",
    `${"0".repeat(50)}::1`,
  ])("refuses %j", (text) => {
    expect(parseIp(text)).toBeNull();
  });

  it("reads back every IPv4 address", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (number) => {
      const text = [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
      expect(parseIp(text)).toEqual({ version: 4, value: BigInt(number) });
    }));
  });

  it("reads an IPv6 address the same whichever run of zeros is cut out", () => {
    const groups = fc.array(fc.constantFrom(0, 0, 0, 1, 0xabcd), { minLength: 8, maxLength: 8 });
    fc.assert(fc.property(groups, fc.nat(7), fc.integer({ min: 1, max: 8 }), (groups, start, length) => {
      const cut = groups.map((group, i) => i >= start && i < start + length ? 0 : group);
      const hex = cut.map((group) => group.toString(16));
      const short = `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
      expect(parseIp(short)).toEqual(parseIp(hex.join(":")));
      expect(parseIp(short)).not.toBeNull();
    }));
  });

  it("reads every IPv6 address that a library writes", () => {
    fc.assert(fc.property(fc.ipV6(), (text) => {
      expect(parseIp(text)).not.toBeNull();
    }));
  });

  it("never throws", () => {
    const garbage = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...":./0159afF%") }));
    fc.assert(fc.property(garbage, (text) => {
      parseIp(text);
      parseIpPrefix(text);
    }));
  });
});

describe("parseIpPrefix()", () => {
  it.each([
    ["192.0.2.1", 4, 32],
    ["192.0.2.0/24", 4, 24],
    ["0.0.0.0/0", 4, 0],
    ["192.0.2.1/32", 4, 32],
    ["2001:db8::/32", 6, 32],
    ["::/0", 6, 0],
    ["::1", 6, 128],
    ["::1/128", 6, 128],
    ["::ffff:192.0.2.0/120", 4, 24],
    ["::ffff:0:0/96", 4, 0],
    ["::ffff:192.0.2.1", 4, 32],
  ])("reads %s", (text, version, bits) => {
    expect(parseIpPrefix(text)).toMatchObject({ version, bits });
  });

  it.each([
    "",
    "/",
    "/24",
    "192.0.2.0/",
    "192.0.2.0/33",
    "192.0.2.0/-1",
    "192.0.2.0/ 8",
    "192.0.2.0/8/8",
    "192.0.2.0/255.255.255.0",
    "::/129",
    "::/1000",
    // A part of IPv6 that is wider than the mapped addresses, which the number of IPv4 cannot say.
    "::ffff:10.0.0.0/8",
    "::ffff:0:0/95",
  ])("refuses %j", (text) => {
    expect(parseIpPrefix(text)).toBeNull();
  });
});

describe("prefixContains()", () => {
  it.each([
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["192.0.2.77/24", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "192.0.2.1", false],
    ["192.0.2.0/24", "::ffff:192.0.2.9", true],
    ["::ffff:192.0.2.0/120", "192.0.2.9", true],
    ["::/0", "ffff::", true],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
  ])("says whether %s has %s: %s", (prefix, address, expected) => {
    expect(prefixContains(parseIpPrefix(prefix)!, parseIp(address)!)).toBe(expected);
  });
});
