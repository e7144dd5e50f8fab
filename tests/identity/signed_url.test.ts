import { describe, expect, it } from "vitest";
import { signUrl, verifySignedUrl } from "../../lib/identity/signed_url.ts";
import { keys, NOW, strangersKeys } from "./_fakes.ts";

const KEY = keys.urlSigning;
const MINUTE_MS = 60_000;
const PLAIN = new URL(
  "https://auth.example.com/.pomerium/sign_in?pomerium_redirect_uri=http%3A%2F%2F127.0.0.1%3A5&b=%20a",
);

const sign = (url = PLAIN) => signUrl(url, { key: KEY, now: NOW });
const verify = (url: URL, now = NOW) => verifySignedUrl(url, { key: KEY, now });

describe("signUrl()", () => {
  it("adds when it was issued, when it ends and the signature, and leaves the URL it was given", async () => {
    const before = PLAIN.href;
    const { searchParams, origin, pathname } = await sign();
    expect(origin + pathname).toBe("https://auth.example.com/.pomerium/sign_in");
    expect(searchParams.get("pomerium_redirect_uri")).toBe("http://127.0.0.1:5");
    expect(searchParams.get("pomerium_issued")).toBe(String(NOW));
    expect(searchParams.get("pomerium_expiry")).toBe(String(NOW + 5 * MINUTE_MS));
    expect(searchParams.get("pomerium_signature")).toMatch(/^[\w-]{43}$/);
    expect(PLAIN.href).toBe(before);
  });

  it("replaces what stands there already and drops the fragment", async () => {
    const again = await sign(new URL((await sign()).href + "&pomerium_signature=x#fragment"));
    expect(again.href).toBe((await sign()).href);
  });

  it("refuses a URL that becomes longer than 8192 characters", async () => {
    const long = new URL(`https://auth.example.com/?a=${"x".repeat(8100)}`);
    await expect(sign(long)).rejects.toMatchObject({ code: "identity/url-too-long" });
  });
});

describe("verifySignedUrl()", () => {
  it.each<[string, (url: URL) => string]>([
    ["as it was made", (url) => url.href],
    ["with a fragment", (url) => `${url.href}#x`],
    ["with the parameters in another order", (url) => {
      const parameters = [...url.searchParams].toReversed();
      return `${url.origin}${url.pathname}?${new URLSearchParams(parameters)}`;
    }],
    ["with spaces written as %20", (url) => url.href.replaceAll("+", "%20")],
    ["with the default port written out", (url) => url.href.replace(".com/", ".com:443/")],
    ["with a host in upper case", (url) => url.href.replace("auth.example.com", "AUTH.example.com")],
  ])("accepts it %s", async (_, change) => {
    await expect(verify(new URL(change(await sign())))).resolves.toBeUndefined();
  });

  it.each<[string, (url: URL) => string | void]>([
    ["another redirect", (url) => url.searchParams.set("pomerium_redirect_uri", "https://evil.example")],
    ["a second redirect", (url) => url.searchParams.append("pomerium_redirect_uri", "https://evil.example")],
    [
      "a second redirect in front",
      (url) => url.href.replace("?", "?pomerium_redirect_uri=https://evil.example&"),
    ],
    ["a parameter more", (url) => url.searchParams.set("pomerium_programmatic", "true")],
    ["a parameter less", (url) => url.searchParams.delete("b")],
    ["a parameter renamed", (url) => url.href.replace("b=", "B=")],
    ["a name and value split elsewhere", (url) => url.href.replace("b=+a", "b+=a")],
    ["a later expiry", (url) => url.searchParams.set("pomerium_expiry", String(NOW + 1e12))],
    ["no expiry", (url) => url.searchParams.delete("pomerium_expiry")],
    ["a second expiry", (url) => url.searchParams.append("pomerium_expiry", String(NOW + 1e12))],
    ["an earlier issue", (url) => url.searchParams.set("pomerium_issued", "0")],
    ["another host", (url) => url.href.replace("auth.example.com", "auth.evil.example")],
    ["another port", (url) => url.href.replace(".com/", ".com:8443/")],
    ["another scheme", (url) => url.href.replace("https:", "http:")],
    ["another path", (url) => url.href.replace("sign_in", "sign_out")],
    ["user information", (url) => url.href.replace("https://", "https://eve@")],
    ["an empty signature", (url) => url.searchParams.set("pomerium_signature", "")],
    ["a signature that is no base64", (url) => url.searchParams.set("pomerium_signature", "!!!")],
    ["half a signature", (url) => {
      url.searchParams.set("pomerium_signature", url.searchParams.get("pomerium_signature")!.slice(0, 22));
    }],
    ["a second signature", (url) => url.searchParams.append("pomerium_signature", "x")],
  ])("tampered: refuses %s", async (_, tamper) => {
    const url = await sign();
    const changed = tamper(url) ?? url.href;
    await expect(verify(new URL(changed))).rejects.toMatchObject({ code: "identity/url-tampered" });
  });

  it("forged: refuses the signature of another secret, and that of another purpose", async () => {
    for (const key of [strangersKeys.urlSigning, keys.csrf]) {
      const forged = await signUrl(PLAIN, { key, now: NOW });
      await expect(verify(forged)).rejects.toMatchObject({ code: "identity/url-tampered" });
    }
  });

  it("unsigned: refuses a URL without signature", async () => {
    await expect(verify(PLAIN)).rejects.toMatchObject({ code: "identity/url-unsigned" });
  });

  it.each<[string, number, boolean]>([
    ["at once", 0, true],
    ["just before five minutes and the leeway are over", 6 * MINUTE_MS - 1, true],
    ["after five minutes and the leeway", 6 * MINUTE_MS, false],
    ["by a clock that is a minute behind", -MINUTE_MS, true],
    ["from the future", -MINUTE_MS - 1, false],
  ])("judges a URL %s", async (_, passedMs, good) => {
    const verified = verify(await sign(), NOW + passedMs);
    if (good) await expect(verified).resolves.toBeUndefined();
    else await expect(verified).rejects.toMatchObject({ code: "identity/url-expired" });
  });

  it("looks at no URL longer than 8192 characters", async () => {
    const long = new URL(`${(await sign()).href}&a=${"x".repeat(8192)}`);
    await expect(verify(long)).rejects.toMatchObject({ code: "identity/url-too-long" });
  });

  it("honours another lifetime", async () => {
    const brief = await signUrl(PLAIN, { key: KEY, now: NOW, lifetimeMs: 1000 });
    await expect(verify(brief, NOW + MINUTE_MS + 1000)).rejects.toMatchObject({
      code: "identity/url-expired",
    });
  });
});
