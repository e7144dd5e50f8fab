import { describe, expect, it } from "vitest";
import { nameAttributes, parseDistinguishedName } from "../../lib/pki/name_attributes.ts";

const text = (type: number, value: string) => {
  const bytes = new TextEncoder().encode(value);
  const string = [0x0c, bytes.length, ...bytes];
  const attribute = [0x06, 3, 0x55, 4, type, ...string];
  return [0x31, attribute.length + 2, 0x30, attribute.length, ...attribute];
};
const name = (...rdns: number[][]) => Uint8Array.from([0x30, rdns.flat().length, ...rdns.flat()]);

describe("nameAttributes()", () => {
  it("lists the values of each attribute in the order of the name, and leaves out what no filter asks for", () => {
    const der = name(
      text(6, "DE"),
      text(11, "a"),
      text(4, "Surname"),
      text(11, "b"),
      text(3, "ann"),
      text(17, "1"),
    );
    expect(nameAttributes(parseDistinguishedName(der))).toEqual({
      countryName: ["DE"],
      organizationalUnitName: ["a", "b"],
      commonName: ["ann"],
      postalCode: ["1"],
    });
  });

  it.each<[number, string]>([
    [5, "serialNumber"],
    [7, "localityName"],
    [8, "stateOrProvinceName"],
    [9, "streetAddress"],
    [10, "organizationName"],
  ])("knows 2.5.4.%i as %s", (type, attribute) => {
    expect(nameAttributes(parseDistinguishedName(name(text(type, "x"))))).toEqual({ [attribute]: ["x"] });
  });
});

describe("parseDistinguishedName()", () => {
  it.each([["nothing", []], ["what is cut off", [0x30, 5, 0x31]], ["bytes after it", [0x30, 0, 0]]])(
    "refuses %s",
    (_title, bytes) => {
      expect(() => parseDistinguishedName(Uint8Array.from(bytes)))
        .toThrow(expect.objectContaining({ code: "pki/bad-name" }));
    },
  );
});
