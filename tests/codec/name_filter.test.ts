import { describe, expect, it } from "vitest";
import { CodecError } from "../../lib/codec/codec_error.ts";
import { type NameAttributes, parseNameFilter } from "../../lib/codec/name_filter.ts";

const NAME: NameAttributes = {
  commonName: ["ann"],
  countryName: ["DE"],
  localityName: ["Berlin"],
  organizationName: ["Example, Inc.", "Other"],
  organizationalUnitName: ["Operations", "a=b"],
  postalCode: ["10115"],
  stateOrProvinceName: ["Berlin"],
  streetAddress: ["1 Example St"],
};

describe("parseNameFilter()", () => {
  it.each<[string, boolean]>([
    ["CN=ann", true],
    ["commonName=ann", true],
    ["COMMONNAME=ann", true],
    ["cn=ann", true],
    ["CN=Ann", false],
    ["CN=an", false],
    ["CN= ann", false],
    ["CN=ann ", false],
    ["CN=*", false],
    ["CN=", false],
    ["C=DE", true],
    ["countryname=DE", true],
    ["L=Berlin", true],
    ["localityName=Berlin", true],
    ["O=Example, Inc.", true],
    ["O=Other", true],
    ["organizationName=Example", false],
    ["OU=Operations", true],
    ["OU=a=b", true],
    ["organizationalUnitName==b", false],
    ["OU=", false],
    ["postalCode=10115", true],
    ["POSTALCODE=10115", true],
    ["ST=Berlin", true],
    ["stateOrProvinceName=Berlin", true],
    ["street=1 Example St", true],
    ["streetAddress=1 Example St", true],
    ["serialNumber=7", false],
    ["serialNumber=", true],
    ["", true],
  ])("%j matches: %s", (filter, matches) => {
    expect(parseNameFilter(filter).matches(NAME)).toBe(matches);
  });

  it.each<[string, NameAttributes, boolean]>([
    ["CN=", {}, true],
    ["CN=", { commonName: [] }, true],
    ["OU=", {}, false],
    ["OU=", { organizationalUnitName: [""] }, true],
    ["CN=b", { commonName: ["a", "b"] }, true],
    ["CN=a", { commonName: ["a", "b"] }, false],
    ["serialNumber=7", { serialNumber: ["7"] }, true],
  ])("%j of %j matches: %s", (filter, name, matches) => {
    expect(parseNameFilter(filter).matches(name)).toBe(matches);
  });

  it.each<[string, string, string]>([
    ["ann", "codec/malformed", "expected filter format attr=value"],
    ["CN", "codec/malformed", "expected filter format attr=value"],
    ["=ann", "codec/unexpected", "unsupported attribute"],
    [" CN=ann", "codec/unexpected", "unsupported attribute"],
    ["CN =ann", "codec/unexpected", "unsupported attribute"],
    ["DC=example", "codec/unexpected", "unsupported attribute"],
    ["emailAddress=a@example.com", "codec/unexpected", "unsupported attribute"],
    ["constructor=x", "codec/unexpected", "unsupported attribute"],
    ["PC=10115", "codec/unexpected", "unsupported attribute"],
  ])("refuses %j with %s", (filter, code, message) => {
    const refusal = () => parseNameFilter(filter);
    expect(refusal).toThrow(CodecError);
    expect(refusal).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });
});
