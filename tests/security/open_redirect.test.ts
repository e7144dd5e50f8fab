import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestGateway } from "../_support/test_gateway.ts";
import { browse, browseAsAnn, startWithAnn } from "./_support.ts";

let gateway: TestGateway;

beforeAll(async () => void ({ gateway } = await startWithAnn()));
afterAll(() => gateway[Symbol.asyncDispose]());

describe("an open redirect", () => {
  it.each([
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "http://localhost.evil.example/",
    "http://127.0.0.1.evil.example/",
    "http://localhost@evil.example/",
    "http://evil.example#@localhost/",
    "http://evil.example\\@localhost/",
    "http://localhost\\.evil.example/",
    "http://evil.example?@127.0.0.1/",
    "http://127.0.0.1:80@evil.example/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0.0.0.0/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::]/",
    "http://loc\talhost/",
    "http://localhost%2eevil.example/",
    "http://ⓛocalhost/",
    " http://localhost/",
    "http://localhost/\r\nSet-Cookie: a=b",
    "javascript:alert(1)",
    "javascript://localhost/%0aalert(1)",
    "data:text/html,x",
    "file://localhost/etc/passwd",
    "ftp://localhost/",
    `http://localhost/${"x".repeat(2100)}`,
  ])("to %j is not signed for a program", async (redirect) => {
    using browser = browse(gateway);
    const query = `pomerium_redirect_uri=${encodeURIComponent(redirect)}`;
    const response = await browser.request(`${gateway.url}/.pomerium/api/v1/login?${query}`);
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain("pomerium_signature");
  });

  it("is not made of the first of two redirect addresses, or the second", async () => {
    using browser = browse(gateway);
    const good = encodeURIComponent("http://127.0.0.1:9/");
    const evil = encodeURIComponent("https://evil.example/");
    for (const [one, two] of [[good, evil], [evil, good]]) {
      const query = `pomerium_redirect_uri=${one}&pomerium_redirect_uri=${two}`;
      const response = await browser.request(`${gateway.url}/.pomerium/api/v1/login?${query}`);
      expect(await response.text()).not.toContain("evil");
    }
  });

  it.each(["sign_in", "sign_out", "signed_out", "user", ""])(
    "is not made of parameters of /.pomerium/%s",
    async (path) => {
      using browser = await browseAsAnn(gateway);
      const query = "pomerium_redirect_uri=https://evil.example/&redirect_uri=https://evil.example/";
      const response = await browser.request(`${gateway.url}/.pomerium/${path}?${query}`);
      expect(response.headers.get("location") ?? "").not.toContain("evil");
      expect(await response.text()).not.toContain("evil.example");
    },
  );
});
