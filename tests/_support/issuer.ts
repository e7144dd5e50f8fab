import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";

/** An issuer of tokens on loopback, by https, with one ES256 key that is called `k1`. */
export class TestIssuer implements AsyncDisposable {
  /** Certificate that whoever asks it must trust. */
  readonly caPem: string;
  /** How often each path was asked for. */
  readonly asked = new Map<string, number>();
  /** What a path answers instead of what it should. */
  readonly instead = new Map<string, () => Response | Promise<Response>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #keys: CryptoKeyPair;
  readonly #closing = Promise.withResolvers<Response>();

  private constructor(caPem: string, pair: { certPem: string; keyPem: string }, keys: CryptoKeyPair) {
    this.caPem = caPem;
    this.#keys = keys;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, cert: pair.certPem, key: pair.keyPem, onListen() {} },
      (request) => this.#answer(new URL(request.url).pathname),
    );
  }

  /** Starts one. The caller disposes it. */
  static async start(): Promise<TestIssuer> {
    const now = Date.now();
    const authority = await createAuthority({ now, commonName: "Test issuer" });
    const pair = await issueServerCertificate({ authority, now, names: ["localhost", "127.0.0.1"] });
    const keys = await generateKeyPair("ES256", { extractable: true });
    return new TestIssuer(authority.certPem, pair, keys);
  }

  get url(): string {
    return `https://localhost:${this.#server.addr.port}`;
  }

  get jwksUrl(): string {
    return `${this.url}/keys`;
  }

  /** Public key, as an attacker knows it. */
  publicPem(): Promise<string> {
    return exportSPKI(this.#keys.publicKey);
  }

  async publicJwk() {
    return { ...await exportJWK(this.#keys.publicKey), kid: "k1", alg: "ES256", use: "sig" };
  }

  /** A token for `gateway` that holds for five minutes; `claims` replace single ones, `undefined` takes them away. */
  token(
    claims: JWTPayload = {},
    options: { kid?: string; key?: CryptoKey; alg?: string; typ?: string } = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const usual = {
      iss: this.url,
      aud: "gateway",
      sub: "robot-1",
      email: "robot@example.com",
      exp: now + 300,
    };
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({
        alg: options.alg ?? "ES256",
        kid: options.kid ?? "k1",
        ...(options.typ === undefined ? {} : { typ: options.typ }),
      })
      .sign(options.key ?? this.#keys.privateKey);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.resolve(new Response(null, { status: 503 }));
    return this.#server.shutdown();
  }

  async #answer(path: string): Promise<Response> {
    this.asked.set(path, (this.asked.get(path) ?? 0) + 1);
    const instead = this.instead.get(path);
    if (instead !== undefined) return await Promise.race([instead(), this.#closing.promise]);
    if (path === "/keys") return Response.json({ keys: [await this.publicJwk()] });
    if (path !== "/.well-known/openid-configuration") return new Response(null, { status: 404 });
    return Response.json({ issuer: this.url, jwks_uri: this.jwksUrl });
  }
}
