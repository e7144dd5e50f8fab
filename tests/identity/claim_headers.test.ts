import { describe, expect, it } from "vitest";
import { claimAt, claimHeaders } from "../../lib/identity/claim_headers.ts";

const CLAIMS = {
  email: "ada@example.com",
  age: 36,
  active: true,
  groups: ["a", "b,c", 3, { hidden: 1 }, null],
  address: { country: "UK", geo: { lat: 51 }, "a.b": "dotted" },
  "address.city": "London",
  nothing: null,
};

describe("claimAt()", () => {
  it.each([
    ["email", "ada@example.com"],
    ["address.country", "UK"],
    ["address.geo.lat", 51],
    ["address.a.b", "dotted"],
    ["address.city", "London"],
    ["address", CLAIMS.address],
    ["nothing", null],
    ["absent", undefined],
    ["address.absent", undefined],
    ["groups.0", undefined],
    ["toString", undefined],
    ["address.__proto__", undefined],
  ])("%s is %j", (path, value) => expect(claimAt(CLAIMS, path)).toEqual(value));
});

describe("claimHeaders()", () => {
  it.each([
    ["email", "ada@example.com"],
    ["age", "36"],
    ["active", "true"],
    ["groups", "a,b,c,3"],
    ["address.country", "UK"],
    ["address", ""],
    ["nothing", ""],
    ["absent", ""],
  ])("writes %s as %j", (claim, value) => {
    expect(claimHeaders(CLAIMS, { "X-It": claim })).toEqual([["X-It", value]]);
  });

  it("lets no claim write a header of its own", () => {
    const name = "Ada\r\nX-Admin: true\0\x7f";
    expect(claimHeaders({ name }, { "X-Name": "name" })).toEqual([["X-Name", "Ada  X-Admin: true"]]);
  });

  it("writes UTF-8 that an HTTP header may hold", () => {
    const [header] = claimHeaders({ name: "Grün 😀" }, { "X-Name": "name" });
    const value = new Headers([header!]).get("x-name")!;
    expect(new TextDecoder().decode(Uint8Array.from(value, (char) => char.charCodeAt(0)))).toBe("Grün 😀");
  });
});
