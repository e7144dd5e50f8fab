import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OpensslAuthority, opensslAuthority } from "../_support/openssl_authority.ts";
import { requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import { listening, run, type RunningProgram, start } from "../_support/programs.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

const HOST = "openssl.localhost.pomerium.io";
const SERVER_USES = ["subjectAltName=DNS:openssl.localhost", "extendedKeyUsage=serverAuth"];
const CLIENT_USES = [
  "subjectAltName=email:pomerium@localhost",
  "keyUsage=digitalSignature",
  "extendedKeyUsage=clientAuth",
];

const isComplete = requirePeer("openssl") && requirePeer("curl");

/** The guide to upstream mTLS, command for command; our own authority stands for the one that mkcert makes. */
describe.skipIf(!isComplete)("openssl s_server -www behind an https:// route", () => {
  const port = freePort();
  let authority: OpensslAuthority;
  let gateway: TestGateway;
  let token: string;
  let server: RunningProgram;

  beforeAll(async () => {
    authority = await opensslAuthority("/O=development CA/CN=root");
    await authority.issue("openssl.localhost", { subject: "/O=service", extensions: SERVER_USES });
    await authority.issue("client", { subject: "/O=gateway/CN=pomerium@localhost", extensions: CLIENT_USES });
    gateway = await startTestGateway(config(""));
    await gateway.addUser("user", { email: "user@example.com" });
    token = await gateway.token("user");
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
    await authority[Symbol.asyncDispose]();
  });

  function config(more: string): string {
    return `
certificate_authority_file: ${authority.folder}/ca.crt
routes:
  - from: https://${HOST}
    to: https://localhost:${port}
    tls_server_name: openssl.localhost
${more}    policy:
      - allow:
          or:
            - email:
                is: user@example.com
`;
  }

  /** `openssl s_server`, for which our authority is that of the system. */
  async function serve(...flags: string[]): Promise<RunningProgram> {
    const files = ["-key", "./openssl.localhost.key", "-cert", "./openssl.localhost.crt"];
    const command = ["openssl", "s_server", ...flags, ...files, "-accept", String(port), "-www"];
    server = start(["env", ["-C", authority.folder, ...command]], {
      env: { PATH: Deno.env.get("PATH")!, SSL_CERT_FILE: `${authority.folder}/ca.crt` },
    });
    await listening(port);
    return server;
  }

  async function visit(): Promise<{ status: number; page: string }> {
    const { stdout } = await run(["curl", [
      ...["--silent", "--cacert", gateway.caFile, "--write-out", "\n%{http_code}"],
      ...["--connect-to", `${HOST}:443:127.0.0.1:${gateway.port}`],
      ...["--header", `Authorization: Pomerium ${token}`, `https://${HOST}/`],
    ]]);
    const text = new TextDecoder().decode(stdout);
    const end = text.lastIndexOf("\n");
    return { status: Number(text.slice(end)), page: text.slice(0, end) };
  }

  it("is reached, refuses the gateway without a certificate, and then sees the one of the route", async () => {
    await serve();
    expect(await visit()).toMatchObject({
      status: 200,
      page: expect.stringContaining("no client certificate available"),
    });
    await server[Symbol.asyncDispose]();

    const strict = await serve("-Verify", "1");
    expect(await visit()).toMatchObject({ status: 503 });
    await until(() => strict.stderr().includes("peer did not return a certificate"));

    await gateway.writeConfig(config(
      `    tls_client_cert_file: ${authority.folder}/client.crt\n` +
        `    tls_client_key_file: ${authority.folder}/client.key\n`,
    ));
    expect(await gateway.gateway.reloader.reload("test")).toMatchObject({ ok: true });
    const { status, page } = await visit();
    expect(status).toBe(200);
    expect(page).toMatch(
      /Client certificate[\s\S]*Issuer: .*development CA[\s\S]*Subject: .*pomerium@localhost/,
    );
  });
});
