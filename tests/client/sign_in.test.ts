import { beforeAll, describe, expect, it } from "vitest";
import { ClientError } from "../../lib/client/client_error.ts";
import { platformTrust } from "../../lib/client/gateway_trust.ts";
import { signIn, type SignInOptions } from "../../lib/client/sign_in.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { makeCertificates, type TestCertificates } from "./_certificates.ts";
import { respond, type ScriptedGateway, startGateway, testToken } from "./_scripted_gateway.ts";

const TOKEN = testToken();
const SIGN_IN_PAGE = "https://auth.example.com/.pomerium/sign_in?x=1";

let certificates: TestCertificates;
beforeAll(async () => {
  certificates = await makeCertificates("localhost");
});

function login(gateway: ScriptedGateway, options: Partial<SignInOptions> = {}): Promise<string> {
  return signIn(gateway.address, {
    trust: platformTrust,
    showUrl: () => Promise.resolve(),
    random: systemRandom,
    now: () => Date.now(),
    ...options,
  });
}

/** What a browser would be sent to after the sign-in. */
function callbackUrl(gateway: ScriptedGateway, token: string): string {
  const { searchParams } = new URL(gateway.url + gateway.requests[0]!.target);
  return `${searchParams.get("pomerium_redirect_uri")}?pomerium_jwt=${token}`;
}

async function codeOf(attempt: Promise<string>): Promise<string> {
  const error = await attempt.then(() => null, (error) => error);
  expect(error).toBeInstanceOf(ClientError);
  return error.code;
}

describe("signIn()", () => {
  it.each([
    ["plain", () => undefined, () => platformTrust],
    ["verified", () => certificates, () => ({ caCerts: [certificates.caPem], verify: true })],
    ["unverified", () => certificates, () => ({ caCerts: [], verify: false })],
  ])("shows the page of a %s gateway and returns what the browser brings", async (_, chain, trust) => {
    await using gateway = startGateway((_, stream) => respond(stream, 200, SIGN_IN_PAGE), chain());
    const shown: string[] = [];
    const token = await login(gateway, {
      trust: trust(),
      showUrl: async (url) => {
        shown.push(url);
        const response = await fetch(callbackUrl(gateway, TOKEN));
        expect(response.status).toBe(200);
        await response.body?.cancel();
      },
    });
    expect(token).toBe(TOKEN);
    expect(shown).toEqual([SIGN_IN_PAGE]);
    const { target, method, authorization } = gateway.requests[0]!;
    expect(method).toBe("GET");
    expect(authorization).toBeUndefined();
    expect(target).toMatch(
      /^\/\.pomerium\/api\/v1\/login\?pomerium_redirect_uri=http%3A%2F%2F127\.0\.0\.1%3A\d+%2Fcallback%2F[\w-]{43}$/,
    );
  });

  it("stops listening afterwards", async () => {
    await using gateway = startGateway((_, stream) => respond(stream, 200, SIGN_IN_PAGE));
    await login(gateway, {
      showUrl: async () => void await (await fetch(callbackUrl(gateway, TOKEN))).body?.cancel(),
    });
    await expect(fetch(callbackUrl(gateway, TOKEN))).rejects.toThrow();
  });

  it("refuses a certificate that nobody vouches for", async () => {
    await using gateway = startGateway((_, stream) => respond(stream, 200, SIGN_IN_PAGE), certificates);
    expect(await codeOf(login(gateway))).toBe("client/tls-untrusted");
  });

  it.each([
    ["a program", "file:///etc/passwd"],
    ["a script", "javascript:alert(1)"],
    ["an option", "--help"],
    ["two lines", "https://a.example.com/\nhttps://b.example.com/"],
    ["nothing", ""],
    ["a page instead of its URL", "<html>"],
    ["a URL that is too long", `https://a.example.com/${"a".repeat(9000)}`],
  ])("does not open %s", async (_, body) => {
    await using gateway = startGateway((_, stream) => respond(stream, 200, body));
    const showUrl = () => Promise.reject(new Error("was opened"));
    expect(await codeOf(login(gateway, { showUrl }))).toBe("client/sign-in-failed");
  });

  it("does not let a gateway with TLS send the person to a page without", async () => {
    await using gateway = startGateway(
      (_, stream) => respond(stream, 200, "http://auth.example.com/"),
      certificates,
    );
    const trust = { caCerts: [certificates.caPem], verify: true };
    expect(await codeOf(login(gateway, { trust }))).toBe("client/sign-in-failed");
  });

  it.each([400, 404, 302, 500])("fails when the gateway answers with status %d", async (status) => {
    await using gateway = startGateway((_, stream) => respond(stream, status, SIGN_IN_PAGE));
    expect(await codeOf(login(gateway))).toBe("client/sign-in-failed");
  });

  it("refuses an endless answer", async () => {
    await using gateway = startGateway((_, stream) => respond(stream, 200, "a".repeat(70_000)));
    expect(await codeOf(login(gateway))).toBe("client/bad-response");
  });

  it("gives up when nobody signs in", async () => {
    await using gateway = startGateway((_, stream) => respond(stream, 200, SIGN_IN_PAGE));
    expect(await codeOf(login(gateway, { timeoutMs: 20 }))).toBe("client/sign-in-timeout");
  });

  it("gives up when it is told to", async () => {
    await using gateway = startGateway((_, stream) => respond(stream, 200, SIGN_IN_PAGE));
    const controller = new AbortController();
    const attempt = login(gateway, {
      signal: controller.signal,
      showUrl: () => Promise.resolve(controller.abort()),
    });
    expect(await codeOf(attempt)).toBe("client/cancelled");
  });
});
