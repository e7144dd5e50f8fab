import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DownstreamMtls } from "../../lib/config/downstream_mtls.ts";
import { ClientCertificates } from "../../lib/identity/client_certificates.ts";
import { OcspClient } from "../../lib/identity/ocsp_client.ts";
import { jsonLog } from "../../lib/observe/log.ts";
import { CLIENT_AUTH, DIGITAL_SIGNATURE, Entity, extensions } from "../pki/_forge.ts";
import { informationAccess, ocspAnswer, type OcspForgery } from "../pki/_ocsp.ts";
import { NOW } from "../pki/_pairs.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let ca: Entity;
let leaf: Entity;
let now: number;
let lines: Record<string, unknown>[];
let client: OcspClient;
let responder: Deno.HttpServer<Deno.NetAddr>;
let requests: { readonly method: string; readonly type: string | null }[];
/** How the responder answers. */
let answer: () => Response | Promise<Response>;

beforeAll(async () => {
  ca = await Entity.root("CA");
});

beforeEach(async () => {
  [now, lines, requests] = [NOW, [], []];
  const serve = (request: Request) => {
    if (request.method === "GET") return new Response("here");
    if (request.url.endsWith("/other")) return saying({});
    requests.push({ method: request.method, type: request.headers.get("content-type") });
    return answer();
  };
  responder = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, serve);
  leaf = await naming(`http://127.0.0.1:${responder.addr.port}/ocsp`);
  answer = () => saying({});
  const log = jsonLog({ level: "info", sink: (line) => void lines.push(JSON.parse(line)), now: () => now });
  client = new OcspClient({ clock: { now: () => now }, log });
});

afterEach(() => responder.shutdown());

/** A caller's certificate that names these responders. */
function naming(...uris: string[]): Promise<Entity> {
  const usage = [extensions.keyUsage(DIGITAL_SIGNATURE), extensions.extendedKeyUsage(CLIENT_AUTH)];
  const where = uris.length === 0 ? [] : [informationAccess(...uris)];
  return ca.issue({ serial: "0b", extensions: [...usage, ...where] });
}

async function saying(forgery: OcspForgery): Promise<Response> {
  return new Response(
    await ocspAnswer([ca, leaf], { thisUpdate: now, nextUpdate: now + HOUR_MS, ...forgery }),
  );
}

const statusOf = (entity = leaf) => client.statusOf(entity.certificate, { issuer: ca.certificate });

describe("OcspClient.statusOf()", () => {
  it("asks by POST, once until the answer has ended", async () => {
    expect(await statusOf()).toEqual({ status: "good", reason: null, until: NOW + HOUR_MS });
    now += HOUR_MS - 1;
    await statusOf();
    expect(requests).toEqual([{ method: "POST", type: "application/ocsp-request" }]);
    now += 1;
    answer = () => saying({ status: "revoked" });
    expect(await statusOf()).toMatchObject({ status: "revoked" });
    expect(requests).toHaveLength(2);
  });

  it("asks once for all who wait for the same certificate", async () => {
    await Promise.all(Array.from({ length: 20 }, () => statusOf()));
    expect(requests).toHaveLength(1);
  });

  it("does not ask for the same certificate twice within 30 seconds, whatever the answer says", async () => {
    answer = () => saying({ nextUpdate: now + 1000 });
    expect((await statusOf()).until).toBe(NOW + 30_000);
  });

  it.each<[string, RegExp, () => Response | Promise<Response>]>([
    ["fails", /answers 500/, async () => new Response(await (await saying({})).bytes(), { status: 500 })],
    [
      "sends somewhere else",
      /answers 307/,
      () => new Response(null, { status: 307, headers: { location: "/other" } }),
    ],
    ["answers something else", /cannot be read/, () => new Response("hello")],
    [
      "answers without end",
      /more than 65536 bytes/,
      () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(9999)) })),
    ],
    ["answers for a forger", /is signed neither/, async () => saying({ signer: await Entity.root("CA") })],
    ["does not know", /does not know/, () => saying({ status: "unknown" })],
    ["says tryLater", /tryLater/, () => saying({ responseStatus: 3 })],
  ])("does not know when the responder %s, and asks again later", async (_, reason, failing) => {
    answer = failing;
    expect(await statusOf()).toEqual({
      status: "unknown",
      reason: expect.stringMatching(reason),
      until: NOW + 30_000,
    });
    await statusOf();
    expect(requests).toHaveLength(1);
    now += 30_000;
    answer = () => saying({});
    expect(await statusOf()).toMatchObject({ status: "good" });
  });

  it("gives up after 3 seconds", { timeout: 10_000 }, async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    answer = () => promise;
    expect(await statusOf()).toMatchObject({ status: "unknown" });
    resolve(new Response());
  });

  it("asks 16 at a time", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const full = Promise.withResolvers<void>();
    answer = async () => {
      if (requests.length === 16) full.resolve();
      await promise;
      return await saying({});
    };
    const url = `http://127.0.0.1:${responder.addr.port}/`;
    const others = await Promise.all(Array.from({ length: 20 }, () => naming(url)));
    const asked = others.map((one) => statusOf(one));
    await full.promise;
    // Another one would have been sent before this.
    await (await fetch(url)).text();
    expect(requests).toHaveLength(16);
    resolve();
    const statuses = await Promise.all(asked);
    expect(statuses.map(({ status }) => status)).toEqual(others.map(() => "good"));
    expect(requests).toHaveLength(20);
  });

  it("leaves a responder alone that was silent, and says so once in ten minutes", async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    let connections = 0;
    const refusing = (async () => {
      for await (const conn of listener) {
        connections++;
        conn.close();
      }
    })();
    const url = `http://127.0.0.1:${listener.addr.port}/`;
    const others = await Promise.all([naming(url), naming(url), naming(url)]);
    expect(await statusOf(others[0])).toMatchObject({ status: "unknown" });
    const first = connections;
    expect(await statusOf(others[1])).toMatchObject({ status: "unknown" });
    expect([first > 0, connections]).toEqual([true, first]);
    now += 30_000;
    await statusOf(others[2]);
    expect(connections).toBeGreaterThan(first);
    expect(lines).toMatchObject([{ level: "warn", url, error: expect.stringContaining("cannot be asked") }]);
    now += 10 * MINUTE_MS;
    await statusOf(others[0]);
    expect(lines).toHaveLength(2);
    listener.close();
    await refusing.catch(() => {});
  });

  it("asks a responder for one certificate that fails for another", async () => {
    answer = () => new Response(null, { status: 500 });
    await statusOf(await naming(`http://127.0.0.1:${responder.addr.port}/ocsp`));
    answer = () => saying({});
    expect(await statusOf()).toMatchObject({ status: "good" });
  });

  it.each([
    ["no responder", []],
    ["one over TLS", ["https://127.0.0.1/"]],
    ["one with a password", ["http://user:secret@127.0.0.1/"]],
    ["a file", ["file:///etc/passwd"]],
    ["what is no URL", ["ocsp"]],
  ])("asks nobody for a certificate that names %s", async (_, uris) => {
    expect(await statusOf(await naming(...uris))).toMatchObject({ status: "unknown", until: Infinity });
  });

  it("keeps a certificate revoked while nobody says otherwise", async () => {
    answer = () => saying({ status: "revoked" });
    await statusOf();
    now += HOUR_MS;
    answer = () => new Response(null, { status: 503 });
    const both = await Promise.all([statusOf(), statusOf()]);
    expect(both.map(({ status }) => status)).toEqual(["revoked", "revoked"]);
    now += 30_000;
    answer = () => saying({});
    expect(await statusOf()).toMatchObject({ status: "good" });
  });
});

describe("ClientCertificates.judge() with OCSP", () => {
  const settings = {
    authoritiesPem: null,
    crlPem: null,
    crlCheck: "leaf",
    enforcement: "policy_with_default_deny",
    subjectAlternativeNames: [],
    maxVerifyDepth: 1,
  } satisfies Partial<DownstreamMtls>;
  const trusting = (...entities: Entity[]) => ({ clientAuthoritiesPem: entities.map(pemOf).join("") });
  const judge = (ocsp: DownstreamMtls["ocsp"], more: Partial<DownstreamMtls> = {}) =>
    new ClientCertificates({ ...settings, ocsp, ...more }, { clock: { now: () => now }, ocsp: client });

  it.each<[string, DownstreamMtls["ocsp"], () => Response | Promise<Response>, boolean]>([
    ["good", "try", () => saying({}), true],
    ["good", "require", () => saying({}), true],
    ["revoked", "off", () => saying({ status: "revoked" }), true],
    ["revoked", "try", () => saying({ status: "revoked" }), false],
    ["revoked", "require", () => saying({ status: "revoked" }), false],
    ["unknown", "try", () => saying({ status: "unknown" }), true],
    ["unknown", "require", () => saying({ status: "unknown" }), false],
    ["nothing", "try", () => new Response(null, { status: 500 }), true],
    ["nothing", "require", () => new Response(null, { status: 500 }), false],
  ])("whose responder says %s, with %s", async (_, mode, says, valid) => {
    answer = says;
    const { facts, reason } = await judge(mode).judge([leaf.der], trusting(ca));
    expect([facts.presented, facts.valid, reason === null]).toEqual([true, valid, valid]);
    expect(requests).toHaveLength(mode === "off" ? 0 : 1);
  });

  it("trusts none with require that names no responder", async () => {
    const bare = await naming();
    expect((await judge("require").judge([bare.der], trusting(ca))).facts.valid).toBe(false);
    expect((await judge("try").judge([bare.der], trusting(ca))).facts.valid).toBe(true);
  });

  it.each<[string, () => Promise<ReturnType<typeof trusting>>, Partial<DownstreamMtls>]>([
    ["whose path is not valid", async () => trusting(await Entity.root("CA")), {}],
    ["whose names do not match", () => Promise.resolve(trusting(ca)), {
      subjectAlternativeNames: [{ type: "dns", pattern: ".*" }],
    }],
    ["that is an authority itself", () => Promise.resolve(trusting(leaf)), {}],
  ])("connects to nobody for a certificate %s", async (_, route, more) => {
    await judge("require", more).judge([leaf.der], await route());
    expect(requests).toEqual([]);
  });

  it("changes its mind when the answer has ended, and says when", async () => {
    const judging = judge("require");
    const chain = [leaf.der];
    expect((await judging.judge(chain, trusting(ca))).facts.valid).toBe(true);
    expect(judging.nextChange(chain, trusting(ca))).toBe(NOW + HOUR_MS);
    now += HOUR_MS;
    answer = () => saying({ status: "revoked" });
    expect((await judging.judge(chain, trusting(ca))).facts.valid).toBe(false);
  });

  it("looks again soon when it does not know any more until when the answer holds", () => {
    expect(judge("try").nextChange([leaf.der], trusting(ca))).toBe(NOW + 30_000);
  });

  it("needs somebody who asks", () => {
    expect(() => new ClientCertificates({ ...settings, ocsp: "try" }, { clock: { now: () => now } }))
      .toThrow(TypeError);
  });
});

function pemOf({ der }: Entity): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toBase64()}\n-----END CERTIFICATE-----\n`;
}
