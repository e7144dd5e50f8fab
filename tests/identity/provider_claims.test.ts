import { describe, expect, it } from "vitest";
import { needsProviderUrl } from "../../lib/config/idp_names.ts";
import { personFrom } from "../../lib/identity/provider_claims.ts";
import { providers, trustsUnmarkedEmail } from "../../lib/identity/providers.ts";

const from = (...sources: Record<string, unknown>[]) =>
  personFrom(sources.map((source) => ({ sub: "ann", ...source })), { trustsUnmarkedEmail: false });

describe("personFrom()", () => {
  it("merges the sources, the later ones winning, without what is about the token", () => {
    const person = from({ name: "old", exp: 1, nonce: "n", at_hash: "h", sid: "s", acr: "1" }, {
      name: "new",
    });
    expect(person.claims).toEqual({ sub: "ann", name: "new", acr: "1" });
    expect(person.displayName).toBe("new");
  });

  it.each<[string, Record<string, unknown>[], string]>([
    ["is verified", [{ email: "a@b.example", email_verified: true }], "a@b.example"],
    ["is verified, as a text", [{ email: "a@b.example", email_verified: "true" }], "a@b.example"],
    ["is not verified", [{ email: "a@b.example", email_verified: false }], ""],
    ["has no mark", [{ email: "a@b.example" }], ""],
    ["has an odd mark", [{ email: "a@b.example", email_verified: 1 }], ""],
    ["is marked in the ID token alone", [{ email: "a@b.example", email_verified: true }, {
      email: "a@b.example",
    }], "a@b.example"],
    [
      "was verified as another",
      [{ email: "old@b.example", email_verified: true }, { email: "a@b.example" }],
      "",
    ],
    ["is marked both ways", [
      { email: "a@b.example", email_verified: true },
      { email: "a@b.example", email_verified: false },
    ], ""],
    ["is none", [{ email: "a b@c", email_verified: true }], ""],
    ["is no text", [{ email: ["a@b.example"], email_verified: true }], ""],
  ])("with an e-mail address that %s", (_what, sources, email) => {
    const person = from(...sources);
    expect(person.email).toBe(email);
    expect("email" in person.claims).toBe(email !== "");
  });

  it("takes an address without a mark from those who are trusted, but none marked as not verified", () => {
    const options = { trustsUnmarkedEmail: true };
    expect(personFrom([{ sub: "a", email: "a@b.example" }], options).email).toBe("a@b.example");
    expect(personFrom([{ sub: "a", email: "a@b.example", email_verified: false }], options).email).toBe("");
  });

  it.each<[unknown, string[]]>([
    [["a", "b", "a", "", 5, null], ["a", "b"]],
    ["one", ["one"]],
    [{ a: 1 }, []],
    [undefined, []],
  ])("reads the groups in %j", (groups, expected) => {
    expect(from({ groups }).groups).toEqual(expected);
  });

  it.each<[string, Record<string, unknown>]>([
    ["nobody", { sub: "" }],
    ["a number", { sub: 5 }],
    ["somebody with a very long name", { sub: "a".repeat(256) }],
    ["somebody with very many claims", { text: "a".repeat(65_536) }],
  ])("refuses %s", (_what, source) => {
    expect(() => from(source)).toThrow(expect.objectContaining({ code: "identity/provider-invalid" }));
  });
});

describe("providers", () => {
  it.each(Object.entries(providers))(
    "has an address for %s, or the configuration asks for one",
    (name, row) => {
      expect(needsProviderUrl[name as keyof typeof needsProviderUrl]).toBe(row.url === null);
    },
  );

  it.each([
    ["https://login.microsoftonline.com/common/v2.0", false],
    ["https://login.microsoftonline.com/organizations/v2.0", false],
    ["https://login.microsoftonline.us/common", false],
    ["https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0", true],
  ])("trusts e-mail addresses of Azure at %s: %s", (url, trusted) => {
    expect(trustsUnmarkedEmail("azure", url)).toBe(trusted);
  });
});
