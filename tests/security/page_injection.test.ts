import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { getRequest, sendRaw } from "../_support/raw_http.ts";
import type { ShiftedClock } from "../_support/shifted_clock.ts";
import { PASSWORD, type TestGateway } from "../_support/test_gateway.ts";
import { browse, browseAsAnn, csrfOf, programSignInUrl, startWithAnn } from "./_support.ts";

let gateway: TestGateway;
let clock: ShiftedClock;

beforeAll(async () => void ({ gateway, clock } = await startWithAnn()));
beforeEach(() => clock.advance(60_000));
afterAll(() => gateway[Symbol.asyncDispose]());

describe("cross-site scripting", () => {
  it.each([
    `"><script>alert(1)</script>`,
    `' onfocus=alert(1) x='`,
    `" autofocus onfocus="alert(1)`,
    "</title></textarea><svg/onload=alert(1)>",
    "&lt;script&gt;",
  ])("by the user name %s, which the form shows again", async (name) => {
    using browser = browse(gateway);
    const { text } = await browser.signIn(`${gateway.url}/.pomerium/sign_in`, { name, password: "x" });
    const value = /name="username" value="([^"]*)"/.exec(text)![1]!;
    expect(unescape(value)).toBe(name);
    expect(text).not.toMatch(/<script|<svg|onfocus="alert/i);
  });

  it.each([
    ["a host", getRequest("/.pomerium/user", { Host: "'><script>alert(1)</script>", Accept: "text/html" })],
    ["a path", getRequest("/<script>alert(1)</script>", { Host: "localhost", Accept: "text/html" })],
    [
      "a query",
      getRequest("/.pomerium/sign_in?<script>alert(1)</script>", { Host: "localhost", Accept: "text/html" }),
    ],
    [
      "a redirect address",
      getRequest("/.pomerium/api/v1/login?pomerium_redirect_uri=<script>alert(1)</script>", {
        Host: "localhost",
        Accept: "text/html",
      }),
    ],
  ])("by %s, which an error might quote", async (_what, request) => {
    const { status, text } = await sendRaw(gateway, request);
    expect([400, 404]).toContain(status);
    expect(text).not.toContain("<script");
  });

  it("by a display name and groups, which the user page shows", async () => {
    const markup = "<img src=x onerror=alert(1)>";
    await gateway.gateway.users.add({
      name: "eve",
      password: PASSWORD,
      displayName: markup,
      groups: [markup],
    });
    using browser = browse(gateway);
    const { text } = await browser.signIn(`${gateway.url}/.pomerium/sign_in`, {
      name: "eve",
      password: PASSWORD,
    });
    expect(text).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(text).not.toContain("<img");
  });
});

const ENTITIES: Record<string, string> = {
  "&quot;": '"',
  "&#39;": "'",
  "&lt;": "<",
  "&gt;": ">",
  "&amp;": "&",
};

function unescape(text: string): string {
  return text.replaceAll(/&(?:quot|#39|lt|gt|amp);/g, (entity) => ENTITIES[entity]!);
}

describe("what every page says to the browser", () => {
  const PAGES = [
    "/.pomerium/",
    "/.pomerium/sign_in",
    "/.pomerium/sign_out",
    "/.pomerium/signed_out",
    "/.pomerium/user",
    "/.pomerium/routes",
    "/.pomerium/sessions",
  ];
  const OTHERS = [
    "/nothing",
    "/ping",
    "/",
    "/.pomerium/api/v1/login",
    "/.pomerium/callback/",
    "/.well-known/pomerium",
  ];

  it.each([...PAGES, ...OTHERS])(
    "%s: no scripts, no frames, no sniffing, no plain HTTP, no cache",
    async (path) => {
      using browser = await browseAsAnn(gateway);
      const { headers } = await browser.request(gateway.url + path);
      const policy = headers.get("content-security-policy")!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("base-uri 'none'");
      expect(policy).not.toMatch(/unsafe|script-src|\*/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("strict-transport-security")).toMatch(/^max-age=\d{8}$/);
      expect(headers.get("referrer-policy")).toMatch(/^(same-origin|no-referrer)$/);
      expect(headers.get("cache-control")).toBe("no-store");
    },
  );

  it("the form may only lead where its answer does", async () => {
    using browser = browse(gateway);
    const response = await browser.request(await programSignInUrl(gateway, "http://127.0.0.1:4711/x;y"));
    const policy = response.headers.get("content-security-policy")!;
    expect(policy).toContain(`form-action 'self' https://localhost:${gateway.port} http://127.0.0.1:4711;`);
    expect(csrfOf(await response.text())).toHaveLength(43);
  });

  it("what carries a token is neither cached nor told as referrer", async () => {
    using browser = await browseAsAnn(gateway);
    const signIn = await browser.request(await programSignInUrl(gateway));
    expect([signIn.status, signIn.headers.get("cache-control")]).toEqual([302, "no-store"]);
    const { headers } = await browser.request(signIn.headers.get("location")!);
    expect(headers.get("location")).toContain("pomerium_jwt=");
    expect([headers.get("cache-control"), headers.get("referrer-policy")]).toEqual([
      "no-store",
      "no-referrer",
    ]);
  });
});
