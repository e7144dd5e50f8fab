import { createHmac } from "node:crypto";
import { decodeJwt, exportJWK, generateKeyPair, generateSecret, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { BearerTokens } from "../../lib/identity/bearer_tokens.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { TestIssuer } from "../_support/issuer.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";
import { readAll, readExactly, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

let echo: TestService;
let issuer: TestIssuer;
let other: TestIssuer;
let gateway: TestGateway;
let clock: ShiftedClock;

beforeAll(async () => {
  echo = serveEcho();
  issuer = await TestIssuer.start();
  other = await TestIssuer.start();
  clock = new ShiftedClock();
  gateway = await startTestGateway(configuration(), { clock });
  await gateway.addUser("ann", { email: "ann@example.com" });
});
// A failure is remembered for a second.
beforeEach(() => clock.advance(1000));

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

function configuration(issuersOfBoth = "[robots]"): string {
  const audiences = "audiences: [gateway]";
  const policy = "policy: [{ allow: { or: [{ email: { is: robot@example.com } }] } }]";
  const to = `to: "tcp://127.0.0.1:${echo.port}"`;
  return `
certificate_authority: ${btoa(issuer.caPem + other.caPem)}
identity_providers:
  robots: { issuer: "${issuer.url}", jwks_url: "${issuer.jwksUrl}", ${audiences} }
  others: { issuer: "${other.url}", ${audiences} }
routes:
  - { from: "tcp+https://jwt.test:1", ${to}, bearer_token_format: jwt, identity_providers: ${issuersOfBoth}, ${policy} }
  - { from: "tcp+https://denied.test:1", ${to}, bearer_token_format: jwt, allowed_users: [nobody@example.com] }
  - { from: "tcp+https://plain.test:1", ${to}, ${policy} }
`;
}

async function connect(headers: Record<string, string>, target = "jwt.test:1"): Promise<number> {
  const { status, stream } = await gateway.connect(target, { headers });
  stream.close();
  return status;
}

const bearer = (token: string, target?: string) => connect({ authorization: `Bearer ${token}` }, target);
const encode = (value: unknown) =>
  utf8(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });

describe("a bearer token of another issuer", () => {
  it("opens a tunnel for whom it names, and the trail names them", async () => {
    const { status, headers, stream } = await gateway.connect("jwt.test:1", {
      headers: { authorization: `Bearer ${await issuer.token()}` },
    });
    expect(status).toBe(200);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    stream.close();
    const opened = gateway.linesOf("tunnel opened").find((line) =>
      line["request-id"] === headers.get("x-request-id")
    );
    expect(opened).toMatchObject({ email: "robot@example.com", "user": "robot-1" });
  });

  it("is taken from Proxy-Authorization, too", async () => {
    expect(await connect({ "proxy-authorization": `Bearer ${await issuer.token()}` })).toBe(200);
  });

  it("is subject to the policy as everyone", async () => {
    expect(await bearer(await issuer.token(), "denied.test:1")).toBe(403);
  });

  it("is not read where the route does not say so", async () => {
    expect(await bearer(await issuer.token(), "plain.test:1")).toBe(302);
  });

  it.each<[string, () => string | Promise<string>]>([
    ["that is none", () => "nonsense"],
    ["without signature, alg none", async () => `${encode({ alg: "none" })}.${encode(await claims())}.`],
    [
      "alg none with a key id",
      async () => `${encode({ alg: "none", kid: "k1" })}.${encode(await claims())}.`,
    ],
    ["signed by HMAC with the public key in PEM", async () => hmac(await claims(), await issuer.publicPem())],
    [
      "signed by HMAC with the public key in JSON",
      async () => hmac(await claims(), JSON.stringify(await issuer.publicJwk())),
    ],
    ["signed by HMAC with a key of its own", async () => issuer.token({}, await hmacKey())],
    ["whose claims were changed", async () => tampered(await issuer.token())],
    [
      "signed by somebody else under the same key id",
      async () => issuer.token({}, { key: await strangersKey() }),
    ],
    ["with a key of its own in the header", () => withOwnKey()],
    ["with an unknown key id", () => issuer.token({}, { kid: "k9" })],
    ["for somebody else", () => issuer.token({ aud: "another" })],
    ["for nobody", () => issuer.token({ aud: undefined as unknown as string })],
    ["for a part of the name", () => issuer.token({ aud: "gate" })],
    ["that has expired", () => issuer.token({ exp: Math.floor(clock.now() / 1000) - 1 })],
    ["that never expires", () => issuer.token({ exp: undefined as unknown as number })],
    ["that does not hold yet", () => issuer.token({ nbf: Math.floor(clock.now() / 1000) + 60 })],
    ["of nobody", () => issuer.token({ sub: undefined as unknown as string })],
    ["that names another issuer", () => issuer.token({ iss: "https://issuer.example.com" })],
    ["of an issuer that the route does not take", () => other.token()],
    ["signed by another issuer in this one's name", () => other.token({ iss: issuer.url })],
    ["of more than 8192 characters", () => issuer.token({ padding: "x".repeat(9000) })],
  ])("%s is refused with 403", async (_, forge) => {
    expect(await bearer(await forge())).toBe(403);
  });

  it("beside a cookie, or beside any other session, is refused with 400", async () => {
    const [token, session] = [await issuer.token(), await gateway.token("ann")];
    const authorization = `Bearer ${token}`;
    expect(await connect({ authorization, cookie: `_pomerium=${session}` })).toBe(400);
    expect(await connect({ authorization, cookie: "_pomerium=nonsense" })).toBe(400);
    expect(await connect({ authorization, "x-pomerium-authorization": session })).toBe(400);
    expect(await connect({ authorization, "proxy-authorization": `Pomerium ${session}` })).toBe(400);
    expect(await connect({ authorization, "proxy-authorization": "Bearer a.b.c" })).toBe(400);
  });

  it("of our own is no bearer token of others", async () => {
    expect(await bearer(await gateway.token("ann"))).toBe(403);
    expect(await connect({ authorization: `Bearer Pomerium-${await gateway.token("ann")}` })).toBe(403);
  });

  it("never stands in the log", async () => {
    const tokens = [await issuer.token(), await issuer.token({ aud: "another" })];
    for (const token of tokens) await bearer(token);
    const log = gateway.written.join("\n");
    for (const token of tokens) {
      for (const part of token.split(".").slice(1)) expect(log).not.toContain(part);
    }
  });

  it("keeps its tunnel through a reload, unless its issuer is no longer taken", async () => {
    const { stream } = await gateway.connect("jwt.test:1", {
      headers: { authorization: `Bearer ${await issuer.token()}` },
    });
    await gateway.gateway.reloader.reload("test");
    await stream.write(utf8("still"));
    expect(await readExactly(stream, 5)).toBe("still");
    await gateway.gateway.reloader.apply(`address: 127.0.0.1:0\n${configuration("[others]")}`, () => {});
    expect(await readAll(stream)).toHaveLength(0);
    stream.close();
    await until(() => gateway.gateway.tunnels.size === 0);
    await gateway.gateway.reloader.reload("test");
  });
});

describe("the keys of an issuer", () => {
  const route = (jwksUrl: string | null, issuer: string) => ({
    id: "r",
    tokenIssuers: [{ name: "x", issuer, jwksUrl, algorithms: ["ES256" as const], audiences: ["gateway"] }],
  });
  const UNAVAILABLE = { code: "identity/issuer-unavailable" };

  it.each<[string, () => Response | Promise<Response>]>([
    [
      "that never end",
      () => new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(65536)) })),
    ],
    ["of 513 KiB", () => Response.json({ keys: [], padding: "x".repeat(513 * 1024) })],
    ["that never come", () => new Promise<Response>(() => {})],
    [
      "that stop half way",
      () => new Response(new ReadableStream({ start: (c) => c.enqueue(utf8('{"keys":[')) })),
    ],
    ["that are elsewhere", () => Response.redirect("https://localhost/keys")],
    ["that are no JSON", () => new Response("nonsense")],
    ["that are no key set", () => Response.json({ keys: "none" })],
    ["with status 500", () => Response.json({ keys: [] }, { status: 500 })],
  ])("%s are given up", async (_, answer) => {
    await using bad = await TestIssuer.start();
    bad.instead.set("/keys", answer);
    const tokens = new BearerTokens({ authorityPem: () => bad.caPem, clock, timeoutMs: 200 });
    await expect(tokens.verify(await bad.token(), route(bad.jwksUrl, bad.url))).rejects.toMatchObject(
      UNAVAILABLE,
    );
  });

  it.each<[string, (url: string) => Record<string, unknown>]>([
    ["another issuer", (url) => ({ issuer: "https://other.example.com", jwks_uri: `${url}/keys` })],
    ["no keys", (url) => ({ issuer: url })],
  ])("are not asked for when the discovery document names %s", async (_, document) => {
    await using bad = await TestIssuer.start();
    bad.instead.set("/.well-known/openid-configuration", () => Response.json(document(bad.url)));
    const tokens = new BearerTokens({ authorityPem: () => bad.caPem, clock });
    await expect(tokens.verify(await bad.token(), route(null, bad.url))).rejects.toMatchObject(UNAVAILABLE);
    expect(bad.asked.get("/keys")).toBeUndefined();
  });

  it("are not asked for without TLS", async () => {
    await using bad = await TestIssuer.start();
    let asked = 0;
    await using plain = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
      asked++;
      return Response.json({ keys: [await bad.publicJwk()] });
    });
    const document = { issuer: bad.url, jwks_uri: `http://127.0.0.1:${plain.addr.port}/keys` };
    bad.instead.set("/.well-known/openid-configuration", () => Response.json(document));
    const tokens = new BearerTokens({ authorityPem: () => bad.caPem, clock });
    await expect(tokens.verify(await bad.token(), route(null, bad.url))).rejects.toMatchObject(UNAVAILABLE);
    expect(asked).toBe(0);
  });

  it("are not taken from a server whose certificate nobody vouches for", async () => {
    await using bad = await TestIssuer.start();
    const tokens = new BearerTokens({ authorityPem: () => null, clock });
    await expect(tokens.verify(await bad.token(), route(bad.jwksUrl, bad.url))).rejects.toMatchObject(
      UNAVAILABLE,
    );
    expect(bad.asked.size).toBe(0);
  });

  it("that cannot be had are answered for with 503", async () => {
    const down = await TestIssuer.start();
    const config = configuration().replace("[robots]", "[down]").replace(
      "  others:",
      `  down: { issuer: "${down.url}", jwks_url: "${down.jwksUrl}", audiences: [gateway] }\n  others:`,
    );
    const token = await down.token();
    await down[Symbol.asyncDispose]();
    await using gateway = await startTestGateway(config);
    const { status, stream } = await gateway.connect("jwt.test:1", {
      headers: { authorization: `Bearer ${token}` },
    });
    stream.close();
    expect(status).toBe(503);
  });
});

async function claims(): Promise<Record<string, unknown>> {
  return { ...decodeJwt(await issuer.token()) };
}

function hmac(claims: unknown, key: string): string {
  const text = `${encode({ alg: "HS256", kid: "k1" })}.${encode(claims)}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

async function hmacKey() {
  return { alg: "HS256", key: await generateSecret("HS256") as CryptoKey };
}

async function strangersKey(): Promise<CryptoKey> {
  return (await generateKeyPair("ES256")).privateKey;
}

async function withOwnKey(): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  return await new SignJWT(await claims())
    .setProtectedHeader({ alg: "ES256", jwk: await exportJWK(publicKey) })
    .sign(privateKey);
}

async function tampered(token: string): Promise<string> {
  const [header, , signature] = token.split(".");
  return `${header}.${encode({ ...await claims(), email: "robot@example.com", sub: "root" })}.${signature}`;
}
