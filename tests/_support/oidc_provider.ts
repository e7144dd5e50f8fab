import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { Provider } from "oidc-provider";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { FormBrowser } from "./form_browser.ts";
import { freePort } from "./free_port.ts";
import { startTestGateway, type TestGateway } from "./test_gateway.ts";

/** What people at the provider are like; whoever is not there cannot use a grant. */
export type Accounts = Map<string, Record<string, unknown>>;

/** The package brings no types. */
type Configuration = Readonly<Record<string, unknown>>;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export const CLIENT = { id: "gateway", secret: "not-a-secret-but-long-enough" };
/** Another one, for routes with a client of their own. */
export const ROUTE_CLIENT = { id: "vault", secret: "another-one-that-is-not-a-secret" };

/** A certified OpenID provider (npm `oidc-provider`) behind TLS of a development authority of its own. */
export class TestProvider implements AsyncDisposable {
  readonly accounts: Accounts = new Map();
  readonly caPem: string;
  readonly issuer: string;
  readonly #server: Server;
  readonly #configure: () => Promise<Configuration>;
  /** Answers requests; by default the provider does. */
  handler: Handler | null = null;
  #provider: Handler = (_request, response) => response.end();

  private constructor(parts: {
    caPem: string;
    issuer: string;
    server: Server;
    configure: (accounts: Accounts) => Promise<Configuration>;
  }) {
    this.caPem = parts.caPem;
    this.issuer = parts.issuer;
    this.#server = parts.server;
    this.#configure = () => parts.configure(this.accounts);
    parts.server.on("request", (request, response) => (this.handler ?? this.#provider)(request, response));
  }

  /** @param options `gatewayUrl`: where it sends people back to; `accessTokenSeconds`: default an hour */
  static async start(options: { gatewayUrl: string; accessTokenSeconds?: number }): Promise<TestProvider> {
    const { server, caPem } = await listenTls();
    const { port } = server.address() as { port: number };
    const configure = async (accounts: Accounts) =>
      configuration({ ...options, accounts, keys: [await signingKey()] });
    // Another site than the gateway's to a browser: its cookies stay at home in what is posted from here.
    const started = new TestProvider({ caPem, issuer: `https://127.0.0.1:${port}`, server, configure });
    await started.rotateKeys();
    return started;
  }

  /** Signs with a new key from here on; the old one is gone. What it has issued stays. */
  async rotateKeys(): Promise<void> {
    const provider = new Provider(this.issuer, await this.#configure());
    provider.proxy = true;
    const callback = provider.callback();
    this.#provider = (request, response) => {
      request.headers["x-forwarded-proto"] = "https";
      void callback(request, response);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

/** A TLS server on localhost, with the certificate of the authority that it was issued by. */
export async function listenTls(): Promise<{ server: Server; caPem: string }> {
  const now = Date.now();
  const authority = await createAuthority({ now, commonName: "Test provider" });
  const { certPem, keyPem } = await issueServerCertificate({
    authority,
    names: ["localhost", "127.0.0.1"],
    now,
  });
  const server = createServer({ cert: certPem, key: keyPem });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, caPem: authority.certPem };
}

async function signingKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { ...await exportJWK(privateKey), kid: crypto.randomUUID(), use: "sig", alg: "RS256" };
}

function configuration(options: {
  gatewayUrl: string;
  accessTokenSeconds?: number;
  accounts: Accounts;
  keys: JWK[];
}): Configuration {
  const { gatewayUrl, accounts, accessTokenSeconds = 3600, keys } = options;
  return {
    clients: [CLIENT, ROUTE_CLIENT].map(({ id, secret }) => ({
      client_id: id,
      client_secret: secret,
      redirect_uris: [gatewayUrl, gatewayUrl.replace("localhost", "127.0.0.1")]
        .map((origin) => `${origin}/oauth2/callback`),
      post_logout_redirect_uris: [`${gatewayUrl}/.pomerium/signed_out`],
      grant_types: ["authorization_code", "refresh_token"],
      backchannel_logout_uri: `${gatewayUrl}/.pomerium/backchannel_logout`,
      backchannel_logout_session_required: true,
    })),
    jwks: { keys },
    cookies: { keys: ["test"] },
    features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["name", "preferred_username", "groups"],
    },
    pkce: { required: () => true },
    ttl: {
      AccessToken: accessTokenSeconds,
      IdToken: 3600,
      Grant: 86_400,
      Interaction: 3600,
      Session: 86_400,
      RefreshToken: 86_400,
    },
    findAccount: (_context: unknown, sub: string) => {
      const claims = accounts.get(sub);
      return claims === undefined ? undefined : { accountId: sub, claims: () => ({ sub, ...claims }) };
    },
    // The gateway has a development authority of its own.
    fetch: (url: string, init: RequestInit) => {
      const client = Deno.createHttpClient({ caCerts: [gatewayCa.get(gatewayUrl) ?? ""].filter(Boolean) });
      return fetch(url, { ...init, client }).finally(() => client.close());
    },
  };
}

const gatewayCa = new Map<string, string>();

/** A gateway that signs people in with a provider, both started here; `ann` has an account. */
export interface ProviderSetup extends AsyncDisposable {
  readonly provider: TestProvider;
  readonly gateway: TestGateway;
  /** A browser that trusts both. */
  browse(): FormBrowser;
}

/** Starts a provider and a gateway that trusts it. @param options `config`: more YAML for the gateway */
export async function startWithProvider(
  options: { config?: string; accessTokenSeconds?: number; clock?: Clock } = {},
): Promise<ProviderSetup> {
  const port = freePort();
  const gatewayUrl = `https://localhost:${port}`;
  const { accessTokenSeconds = 3600 } = options;
  const provider = await TestProvider.start({ gatewayUrl, accessTokenSeconds });
  provider.accounts.set("ann-1", {
    name: "Ann Example",
    email: "ann@example.com",
    email_verified: true,
    groups: ["engineering"],
  });
  const gateway = await startTestGateway(providerConfig(provider, options.config), {
    clock: options.clock ?? systemClock,
    port,
  });
  gatewayCa.set(gatewayUrl, gateway.caPem);
  return {
    provider,
    gateway,
    browse: () => new FormBrowser({ caPem: `${gateway.caPem}\n${provider.caPem}` }),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

/** The keys of a gateway that signs people in with `provider`. */
export function providerConfig(provider: { issuer: string; caPem: string }, more = "routes: []"): string {
  return `idp_provider: oidc
idp_provider_url: ${provider.issuer}
idp_client_id: ${CLIENT.id}
idp_client_secret: ${CLIENT.secret}
idp_request_params: {prompt: consent}
certificate_authority: ${Buffer.from(provider.caPem).toString("base64")}
${more}
`;
}

/** Opens an address that leads to the provider, fills in its forms, and follows where that leads. */
export async function signInAtProvider(browser: FormBrowser, url: string, sub = "ann-1") {
  let page = await browser.open(url);
  for (;;) {
    const action = /<form[^>]* action="([^"]+)"/.exec(page.text)?.[1];
    const prompt = /name="prompt" value="([^"]+)"/.exec(page.text)?.[1];
    if (action === undefined || prompt === undefined) return page;
    const body = new URLSearchParams({ prompt, login: sub, password: "any" });
    page = await browser.open(new URL(action, page.url).href, { method: "POST", body });
  }
}

/** Signs in, and stops at the address of the gateway's callback that the provider leads to. */
export async function callbackFromProvider(
  browser: FormBrowser,
  url: string,
  sub = "ann-1",
): Promise<string> {
  let { response, at } = { response: await browser.request(url), at: url };
  for (;;) {
    const location = response.headers.get("location");
    if (location !== null) {
      at = new URL(location, at).href;
      await response.body?.cancel();
      if (new URL(at).pathname === "/oauth2/callback") return at;
      response = await browser.request(at);
      continue;
    }
    const text = await response.text();
    const action = /<form[^>]* action="([^"]+)"/.exec(text)?.[1];
    const prompt = /name="prompt" value="([^"]+)"/.exec(text)?.[1];
    if (action === undefined || prompt === undefined) {
      throw new Error(`no form at ${at}: ${response.status} ${text}`);
    }
    at = new URL(action, at).href;
    const body = new URLSearchParams({ prompt, login: sub, password: "any" });
    response = await browser.request(at, { method: "POST", body });
  }
}
