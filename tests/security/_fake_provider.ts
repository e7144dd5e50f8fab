import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:https";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { ShiftedClock } from "../_support/shifted_clock.ts";
import { FormBrowser } from "../_support/form_browser.ts";
import { CLIENT, listenTls, providerConfig } from "../_support/oidc_provider.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

/** What the ID token of one sign-in is made from. */
export interface TokenRequest {
  /** As they should be; a test changes them. */
  readonly claims: JWTPayload;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly kid: string;
}

/** A provider made by hand, which says what a test wants it to say. Nobody signs in at it. */
export class FakeProvider implements AsyncDisposable {
  readonly issuer: string;
  readonly caPem: string;
  readonly #server: Server;
  readonly #keys: CryptoKeyPair;
  readonly kid = "key-1";
  /** Makes the ID token; by default a good one. */
  idToken: (request: TokenRequest) => Promise<string> = signed;
  /** Nonce that the gateway has sent for a code. */
  readonly nonces = new Map<string, string>();
  /** Challenge that the gateway has sent for a code, which its verifier must fit. */
  readonly challenges = new Map<string, string>();
  /** More members of the metadata. */
  metadata: Record<string, unknown> = {};

  private constructor(parts: { issuer: string; caPem: string; server: Server; keys: CryptoKeyPair }) {
    this.issuer = parts.issuer;
    this.caPem = parts.caPem;
    this.#server = parts.server;
    this.#keys = parts.keys;
    parts.server.on("request", (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FakeProvider> {
    const { server, caPem } = await listenTls();
    const keys = await generateKeyPair("RS256", { extractable: true });
    const { port } = server.address() as { port: number };
    return new FakeProvider({ issuer: `https://localhost:${port}`, caPem, server, keys });
  }

  /** The parts that tokens are made from. */
  request(claims: JWTPayload): TokenRequest {
    return { claims, ...this.#keys, kid: this.kid };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const answer = await this.#jsonFor(request.url ?? "", new URLSearchParams(body));
    response.writeHead("error" in answer ? 400 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  }

  async #jsonFor(path: string, form: URLSearchParams): Promise<Record<string, unknown>> {
    const { issuer } = this;
    switch (path) {
      case "/.well-known/openid-configuration":
        return {
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          ...this.metadata,
        };
      case "/jwks":
        return { keys: [{ ...await exportJWK(this.#keys.publicKey), kid: this.kid, use: "sig" }] };
      case "/token":
        return await this.#tokens(form);
      default:
        return { error: "not_found" };
    }
  }

  async #tokens(form: URLSearchParams): Promise<Record<string, unknown>> {
    const code = form.get("code") ?? "";
    const nonce = this.nonces.get(code);
    const digest = await crypto.subtle.digest(
      "SHA-256",
      new TextEncoder().encode(form.get("code_verifier") ?? ""),
    );
    const challenge = new Uint8Array(digest).toBase64({ alphabet: "base64url", omitPadding: true });
    if (nonce === undefined || challenge !== this.challenges.get(code)) return { error: "invalid_grant" };
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.issuer, sub: "ann", aud: CLIENT.id, iat: now, exp: now + 300, nonce };
    const token = await this.idToken(this.request(claims));
    return { access_token: "opaque", token_type: "Bearer", expires_in: 3600, id_token: token };
  }
}

/** The ID token as it should be. */
export function signed({ claims, privateKey, kid }: TokenRequest): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).sign(privateKey);
}

/** A gateway with a fake provider. */
export interface FakeSetup extends AsyncDisposable {
  readonly provider: FakeProvider;
  readonly gateway: TestGateway;
  readonly clock: ShiftedClock;
  browse(): FormBrowser;
}

export async function startWithFake(metadata: Record<string, unknown> = {}): Promise<FakeSetup> {
  const provider = await FakeProvider.start();
  provider.metadata = metadata;
  const clock = new ShiftedClock();
  const gateway = await startTestGateway(providerConfig(provider), { clock });
  return {
    provider,
    gateway,
    clock,
    browse: () => new FormBrowser({ caPem: `${gateway.caPem}\n${provider.caPem}` }),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

/** Begins a sign-in in `browser`, and has the provider let it in: the address that it comes back to. */
export async function comeBack({ gateway, provider }: FakeSetup, browser: FormBrowser): Promise<URL> {
  let response = await browser.request(`${gateway.url}/.pomerium/sign_in`);
  response = await browser.request(new URL(response.headers.get("location")!, gateway.url).href);
  const asked = new URL(response.headers.get("location")!).searchParams;
  const code = crypto.randomUUID();
  provider.nonces.set(code, asked.get("nonce")!);
  provider.challenges.set(code, asked.get("code_challenge")!);
  const url = new URL(asked.get("redirect_uri")!);
  url.searchParams.set("code", code);
  url.searchParams.set("state", asked.get("state")!);
  return url;
}

/** What a browser gets at an address: status, text, and the names of the cookies that were set. */
export async function visit(
  browser: FormBrowser,
  url: URL,
): Promise<[status: number, cookies: string[], text: string]> {
  const response = await browser.request(url.href);
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split("=")[0]!);
  return [response.status, cookies, await response.text()];
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
