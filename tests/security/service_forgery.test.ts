import https from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendRaw } from "../_support/raw_http.ts";
import { freePort } from "../_support/free_port.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import {
  CLIENT_AUTH,
  der,
  Entity,
  extension,
  extensions,
  type Forgery,
  names,
  SERVER_AUTH,
} from "../pki/_forge.ts";

/** Hosts of two routes: with the platform's own TLS, and with `node:tls`, which `tls_custom_ca_file` calls for. */
const ROUTES = { "certificate_authority_file": "a.test", "tls_custom_ca_file": "b.test" } as const;
const now = Date.now();
const times = { notBefore: now - 86_400_000, notAfter: now + 86_400_000 };
const SERVICE = names.dns("service.test");
const GOOD: Forgery = {
  ...times,
  extensions: [extensions.alternativeNames(SERVICE), extensions.extendedKeyUsage(SERVER_AUTH)],
};

let folder: string;
let root: Entity;
let gateway: TestGateway;
const port = freePort();

beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "sallyport-forgery-" });
  root = await Entity.root("Services", times);
  await Deno.writeTextFile(`${folder}/ca.pem`, pem(root.der, "CERTIFICATE"));
  const route = (host: string, more: string) => `
  - from: https://${host}
    to: https://127.0.0.1:${port}
    tls_server_name: service.test
    allow_public_unauthenticated_access: true
${more}`;
  const own = "    tls_custom_ca_file: ca.pem\n";
  gateway = await startTestGateway(
    `certificate_authority_file: ca.pem\nroutes:${route("a.test", "")}${route("b.test", own)}`,
    { folder },
  );
});
afterAll(() => gateway[Symbol.asyncDispose]());

function pem(bytes: Uint8Array, label: string): string {
  return `-----BEGIN ${label}-----\n${bytes.toBase64().replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;
}

/** What a request through a route is answered with, and whether it reached the service, which shows this chain. */
async function askOf(
  host: string,
  [leaf, ...rest]: readonly Entity[],
): Promise<[status: number, hits: number]> {
  let hits = 0;
  const key = pem(
    new Uint8Array(await crypto.subtle.exportKey("pkcs8", leaf!.keys.privateKey)),
    "PRIVATE KEY",
  );
  const cert = [leaf!, ...rest].map((one) => pem(one.der, "CERTIFICATE")).join("");
  const server = https.createServer({ cert, key }, (_incoming, outgoing) => {
    hits++;
    outgoing.end("ok");
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  expect((server.address() as AddressInfo).port).toBe(port);
  try {
    const { status } = await sendRaw(gateway, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return [status, hits];
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe.each(Object.entries(ROUTES))("A service that is trusted by %s", (_trust, host) => {
  it("is reached, through an intermediate too", async () => {
    expect(await askOf(host, [await root.issue(GOOD)])).toEqual([200, 1]);
    const ca = await root.issueAuthority("CA", times);
    expect(await askOf(host, [await ca.issue(GOOD), ca])).toEqual([200, 1]);
  });

  it.each<[string, () => Promise<Entity[]>]>([
    ["of version 1", async () => [await root.issue({ ...GOOD, version: 1, extensions: [] })]],
    ["for clients", async () => [
      await root.issue({
        ...GOOD,
        extensions: [extensions.alternativeNames(SERVICE), extensions.extendedKeyUsage(CLIENT_AUTH)],
      }),
    ]],
    ["for another name", async () => [
      await root.issue({ ...GOOD, extensions: [extensions.alternativeNames(names.dns("other.test"))] }),
    ]],
    ["for the name in its subject alone", async () => [
      await root.issue({
        ...GOOD,
        subject: "service.test",
        extensions: [extensions.extendedKeyUsage(SERVER_AUTH)],
      }),
    ]],
    ["that ended a second ago", async () => [await root.issue({ ...GOOD, notAfter: Date.now() - 1000 })]],
    ["that begins in a minute", async () => [await root.issue({ ...GOOD, notBefore: Date.now() + 60_000 })]],
    [
      "of an authority of the same name",
      async () => [await (await Entity.root("Services", times)).issue(GOOD)],
    ],
    ["of an authority that is only for other names", async () => {
      const bound = [extensions.authority(), extensions.permitted(names.dns("partner.test"))];
      const partner = await root.issueAuthority("Partner", { ...times, extensions: bound });
      return [await partner.issue(GOOD), partner];
    }],
    ["that another service has issued", async () => {
      const other = await root.issue({ ...GOOD, subject: "Other" });
      return [await other.issue(GOOD), other];
    }],
    ["with an extension that must be understood, and is not", async () => [
      await root.issue({
        ...GOOD,
        extensions: [
          ...GOOD.extensions!,
          extension("1.2.3.4", der.seq(), true),
        ],
      }),
    ]],
  ])("is not with a certificate %s: 503, and it gets no request", async (_what, make) => {
    expect(await askOf(host, await make())).toEqual([503, 0]);
  });
});
