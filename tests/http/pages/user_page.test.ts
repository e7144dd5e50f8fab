import { describe, expect, it } from "vitest";
import { claimText } from "../../../lib/http/pages/claim_text.ts";
import { UserPage } from "../../../lib/http/pages/user_page.tsx";
import { attributesOf, elementsOf, MARKUP, textOf } from "./_markup.ts";

function render(text: string, claims: Readonly<Record<string, unknown>>): string {
  return String(UserPage({
    nav: { here: "user", userName: text, hasRoutes: true },
    user: { sessionId: text, userId: text, email: text, groups: [text], claims, expiresAt: 0 },
    csrf: text,
  }));
}

describe("UserPage()", () => {
  it.each(MARKUP)("shows %s as it is, wherever it stands", (text) => {
    const harmless = render("x", { x: "x", y: ["x"], z: { x: "x" } });
    const html = render(text, { [text]: text, y: [text], z: { [text]: text } });
    expect(elementsOf(html)).toEqual(elementsOf(harmless));
    expect(attributesOf(html)).toEqual(attributesOf(harmless));
    expect(textOf(html)).toContain(text.replaceAll(/\s+/g, " "));
  });

  it("marks the page it is in the navigation, and leaves out what there is not", () => {
    const html = String(UserPage({
      nav: { here: "user", userName: "Ann", hasRoutes: false },
      user: { sessionId: "s", userId: "u", email: "", groups: [], claims: {}, expiresAt: 0 },
      csrf: "",
    }));
    expect(html).toContain(`<a href="/.pomerium/" aria-current="page">Account</a>`);
    expect(html).toContain(`<a href="/.pomerium/sessions">Sessions</a>`);
    expect(html).not.toContain("/.pomerium/routes");
    expect(textOf(html)).toContain("E-mail not known Groups none");
  });

  it("shows a hundred claims by name, and how many more there are", () => {
    const claims = Object.fromEntries(Array.from({ length: 103 }, (_, index) => [`c${1000 - index}`, index]));
    const html = render("x", claims);
    expect(elementsOf(html).tr).toBe(101);
    expect(textOf(html)).toContain("And 3 more.");
    expect(html.indexOf("c898")).toBeLessThan(html.indexOf("c899"));
  });
});

describe("claimText()", () => {
  it.each<[name: string, value: unknown, text: string]>([
    ["name", "Ann", "Ann"],
    ["email_verified", true, "yes"],
    ["email_verified", false, "no"],
    ["groups", ["a", "b"], "a, b"],
    ["groups", [], "none"],
    ["count", 7, "7"],
    ["nothing", null, "nothing"],
    ["auth_time", 1_800_000_000, "2027-01-15 08:00 UTC"],
    ["exp", 1e300, "1e+300"],
    ["exp", "soon", "soon"],
    ["address", { country: "DE" }, `{"country":"DE"}`],
    ["roles", [{ id: 1 }], `[{"id":1}]`],
    ["long", "x".repeat(501), `${"x".repeat(500)}…`],
  ])("of %s %j is %s", (name, value, text) => {
    expect(claimText(name, value)).toBe(text);
  });
});
