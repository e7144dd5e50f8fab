import { afterAll, beforeAll, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { type OpensslAuthority, opensslAuthority } from "../_support/openssl_authority.ts";
import { requirePeer } from "../_support/peers.ts";
import { run, sallyport } from "../_support/programs.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

const isComplete = ["openssl", "certutil", "pk12util"].map(requirePeer).every(Boolean);
const ENFORCEMENTS = ["policy_with_default_deny", "reject_connection"];
/** Keys in an NSS database take long to read. */
const SLOW_MS = 120_000;

let users: OpensslAuthority;
let strangers: OpensslAuthority;
let echo: TestService;
const gateways = new Map<string, TestGateway>();

beforeAll(async () => {
  if (!isComplete) return;
  users = await opensslAuthority("/O=Example/CN=Example users");
  strangers = await opensslAuthority("/O=Other/CN=Other users");
  echo = serveEcho();
  const extensions = ["extendedKeyUsage=clientAuth", "basicConstraints=CA:false"];
  await strangers.issue("eve", { subject: "/O=Other/CN=eve", extensions });
  for (const name of ["ann", "bob"]) {
    await users.issue(name, { subject: `/O=Example/CN=${name}`, extensions });
  }
  await Deno.mkdir(`${users.folder}/certs/sallyport/certs`, { recursive: true });
  for (const name of ["ann", "bob"]) {
    const files = ["-inkey", `${name}.key`, "-in", `${name}.crt`, "-name", name, "-passout", "pass:x"];
    await users.openssl("pkcs12", "-export", ...files, "-out", `${name}.p12`);
  }
  await Deno.writeTextFile(`${users.folder}/x`, "x\n");
  await Deno.copyFile(`${users.folder}/bob.p12`, `${users.folder}/certs/sallyport/certs/bob.p12`);
  await Deno.mkdir(`${users.folder}/home/.pki/nssdb`, { recursive: true });
  const database = ["-d", `sql:${users.folder}/home/.pki/nssdb`];
  const password = `${users.folder}/x`;
  await tool("certutil", "-N", ...database, "-f", password);
  await tool("pk12util", "-i", `${users.folder}/ann.p12`, ...database, "-k", password, "-w", password);
  for (const enforcement of ENFORCEMENTS) gateways.set(enforcement, await startGateway(enforcement));
});

afterAll(async () => {
  for (const gateway of gateways.values()) await gateway[Symbol.asyncDispose]();
  echo?.[Symbol.dispose]();
  await users?.[Symbol.asyncDispose]();
  await strangers?.[Symbol.asyncDispose]();
});

async function tool(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await run([program, args]);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
}

async function startGateway(enforcement: string): Promise<TestGateway> {
  return await startTestGateway(`
downstream_mtls:
  ca: ${btoa(users.certPem)}
  enforcement: ${enforcement}
routes:
  - from: tcp+https://localhost/echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    policy: [{ allow: { and: [{ client_certificate: { issuer: "O=Example", subject: "CN=ann" } }] } }]
`);
}

/** What `sallyport tcp` makes of "hello" through a route that lets in one subject. */
async function tunnel(enforcement: string, ...options: string[]) {
  const gateway = gateways.get(enforcement)!;
  const destination = `tcp+https://localhost:${gateway.port}/echo.test:7`;
  const args = ["--listen", "-", "--service-account", "x", "--alternate-ca-path", gateway.caFile, ...options];
  const env = { HOME: `${users.folder}/home`, XDG_CONFIG_HOME: `${users.folder}/certs` };
  const result = await run(sallyport("tcp", destination, ...args), { env, stdin: utf8("hello") });
  return { code: result.code, out: new TextDecoder().decode(result.stdout), err: result.stderr };
}

const files = (authority: OpensslAuthority, name: string) => [
  "--client-cert",
  `${authority.folder}/${name}.crt`,
  "--client-key",
  `${authority.folder}/${name}.key`,
];

it.skipIf(!isComplete).each(ENFORCEMENTS)(
  "a tunnel shows the certificate that is named (%s)",
  async (enforcement) => {
    expect(await tunnel(enforcement, ...files(users, "ann"))).toMatchObject({ code: 0, out: "hello" });
  },
);

it.skipIf(!isComplete).each(ENFORCEMENTS)("one without says what to do (%s)", async (enforcement) => {
  const { code, err } = await tunnel(enforcement);
  expect(code).toBe(1);
  expect(err).toContain("hint: show one with --client-cert or --client-cert-from-store");
});

it.skipIf(!isComplete)(
  "another subject is denied by the policy, another authority by the gateway",
  async () => {
    const [mode] = ENFORCEMENTS as [string];
    expect((await tunnel(mode, ...files(users, "bob"))).err).toContain("may not use this route (status 403");
    expect((await tunnel(mode, ...files(strangers, "eve"))).err).toContain(
      "that the gateway trusts (status 495",
    );
  },
);

it.skipIf(!isComplete)("the one in an NSS database is found by its subject", async () => {
  const options = ["--client-cert-from-store", "--client-cert-password-file", `${users.folder}/x`];
  const found = await tunnel("reject_connection", ...options, "--client-cert-subject", "CN=ann");
  expect(found).toMatchObject({ code: 0, out: "hello" });
}, SLOW_MS);
