import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { serveEcho } from "../_support/echo.ts";
import { requirePeer } from "../_support/peers.ts";
import { run } from "../_support/programs.ts";
import { type ClientPair, TestAuthority } from "../_support/test_authority.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

const NOT_PRESENTED = "client-certificate-required";
const NOT_TRUSTED = "invalid-client-certificate";

const echo = serveEcho();
let root: TestAuthority;
let below: TestAuthority;
let folder: string;
let gateway: TestGateway;

beforeAll(async () => {
  root = await TestAuthority.create("Callers");
  below = await root.intermediate("Below");
});

afterEach(() => gateway[Symbol.asyncDispose]());

/** Starts a gateway that trusts `Callers`, two certificates deep. */
async function start(crl = ""): Promise<void> {
  folder = await Deno.makeTempDir({ prefix: "sallyport-forgery-" });
  await Deno.writeTextFile(`${folder}/ca.pem`, root.pem);
  if (crl !== "") await Deno.writeTextFile(`${folder}/crl.pem`, crl);
  gateway = await startTestGateway(
    `downstream_mtls:
  ca_file: ca.pem
  max_verify_depth: 2
${crl === "" ? "" : "  crl_file: crl.pem\n  crl_check: chain\n"}
routes:
  - from: tcp+https://localhost/echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`,
    { folder },
  );
}

/** What openssl gets on a CONNECT with this chain: what comes first is for the leaf, whose key is in `key.pem`. */
async function answer(chain: readonly string[], keyPem: string): Promise<string> {
  const [leaf, ...rest] = chain;
  await Deno.writeTextFile(`${folder}/leaf.pem`, leaf!);
  await Deno.writeTextFile(`${folder}/chain.pem`, rest.join(""));
  await Deno.writeTextFile(`${folder}/key.pem`, keyPem);
  const files = ["-cert", `${folder}/leaf.pem`, "-key", `${folder}/key.pem`];
  const more = rest.length === 0 ? [] : ["-cert_chain", `${folder}/chain.pem`];
  const args = ["s_client", "-quiet", "-connect", `127.0.0.1:${gateway.port}`, "-servername", "localhost"];
  const stdin = utf8("CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n");
  const { stdout } = await run(["openssl", [...args, ...files, ...more, "-ign_eof"]], { stdin });
  return new TextDecoder().decode(stdout);
}

async function expectRefused(chain: readonly string[], keyPem: string, reason: string): Promise<void> {
  const text = await answer(chain, keyPem);
  expect(text).toMatch(/^HTTP\/1\.1 495 /);
  expect(text).toContain(`Reason: ${reason}.`);
  expect(await gateway.line("tunnel refused")).toMatchObject({ "deny-why-true": [reason] });
  expect(echo.open).toBe(0);
}

describe("nobody gets in with a client certificate", { skip: !requirePeer("openssl") }, () => {
  it.each<[string, () => Promise<[chain: string[], keyPem: string]>]>([
    ["of another authority that has the same name", async () => {
      const { certPem, keyPem } = await (await TestAuthority.create("Callers")).issue({});
      return [[certPem], keyPem];
    }],
    ["of another authority, with the trusted one beside it", async () => {
      const { certPem, keyPem } = await (await TestAuthority.create("Callers")).issue({});
      return [[certPem, root.pem], keyPem];
    }],
    ["that has ended a second ago", async () => {
      const { certPem, keyPem } = await root.issue({ notAfter: Date.now() - 1000 });
      return [[certPem], keyPem];
    }],
    ["that begins in a minute", async () => {
      const { certPem, keyPem } = await root.issue({ notBefore: Date.now() + 60_000 });
      return [[certPem], keyPem];
    }],
    ["for servers", async () => {
      const { certPem, keyPem } = await root.issue({ usages: ["1.3.6.1.5.5.7.3.1"] });
      return [[certPem], keyPem];
    }],
    ["that another caller has issued", async () => {
      const [caller, forged] = await issuedByCaller();
      return [[forged.certPem, caller.certPem], forged.keyPem];
    }],
    ["from too deep below", async () => {
      const deep = await below.intermediate("Deep");
      const { certPem, keyPem } = await deep.issue({});
      return [[certPem, deep.pem, below.pem], keyPem];
    }],
  ])("%s", async (_, make) => {
    await start();
    const [chain, keyPem] = await make();
    await expectRefused(chain, keyPem, NOT_TRUSTED);
  });

  it("of an intermediate that was revoked", async () => {
    const { certPem, keyPem } = await below.issue({});
    await start(await root.crl([below]));
    await expectRefused([certPem, below.pem], keyPem, NOT_TRUSTED);
  });

  // The platform does not verify the handshake of such a certificate: a copy of it would do, without its key.
  it("of version 1, even with its key", async () => {
    await start();
    const files = ["new-key.pem", "new.csr", "ca-key.pem", "old.pem"].map((name) => `${folder}/${name}`);
    const [key, request, authorityKey, certificate] = files as [string, string, string, string];
    await Deno.writeTextFile(authorityKey, await root.keyPem());
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key];
    await run(["openssl", ["req", ...newKey, "-subj", "/CN=alice", "-out", request]]);
    const issuer = ["-CA", `${folder}/ca.pem`, "-CAkey", authorityKey, "-set_serial", "7"];
    await run(["openssl", ["x509", "-req", "-in", request, ...issuer, "-days", "1", "-out", certificate]]);
    const text = await run(["openssl", ["x509", "-in", certificate, "-noout", "-text"]]);
    expect(new TextDecoder().decode(text.stdout)).toContain("Version: 1 (0x0)");
    const [certPem, keyPem] = await Promise.all([certificate, key].map((file) => Deno.readTextFile(file)));
    await expectRefused([certPem!], keyPem!, NOT_PRESENTED);
  });
});

it("a client certificate that is trusted gets in, through its intermediate", {
  skip: !requirePeer("openssl"),
}, async () => {
  const { certPem, keyPem } = await below.issue({});
  await start(await root.crl([]));
  const answered = answer([certPem, below.pem], keyPem);
  await gateway.line("tunnel opened");
  await gateway.gateway.tunnels.endAll("gateway-stopping");
  expect(await answered).toMatch(/^HTTP\/1\.1 200 /);
});

/** A caller, and a certificate that they have issued with their own. */
async function issuedByCaller(): Promise<[caller: ClientPair, forged: ClientPair]> {
  const caller = await root.issue({ commonName: "caller" });
  return [
    caller,
    await TestAuthority.from(caller).then((authority) => authority.issue({ commonName: "admin" })),
  ];
}
