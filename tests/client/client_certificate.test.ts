import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { dialGateway } from "../../lib/client/dial_gateway.ts";
import { askGateway } from "../../lib/client/gateway_http.ts";
import type { GatewayAddress } from "../../lib/client/gateway_address.ts";
import type { ClientCertificate, GatewayTrust } from "../../lib/client/gateway_trust.ts";
import { type OpensslAuthority, opensslAuthority } from "../_support/openssl_authority.ts";
import { requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import { listening, type RunningProgram, start } from "../_support/programs.ts";

/** `openssl s_server`, which tells on a page what it was shown. */
interface Gateway extends RunningProgram {
  readonly address: GatewayAddress;
}

describe.skipIf(!requirePeer("openssl"))("a gateway that wants a client certificate", () => {
  let [users, strangers, servers]: OpensslAuthority[] = [];
  let ann: ClientCertificate;
  let stranger: ClientCertificate;

  beforeAll(async () => {
    users = await opensslAuthority("/O=Example/CN=Example users");
    strangers = await opensslAuthority("/O=Other/CN=Other users");
    servers = await opensslAuthority("/O=Example/CN=Example servers");
    const extensions = ["extendedKeyUsage=clientAuth"];
    ann = {
      ...await users.issue("ann", { subject: "/O=Example/CN=ann", extensions }),
      name: "CN=ann (ann.crt)",
    };
    const other = await strangers.issue("eve", { subject: "/O=Other/CN=eve", extensions });
    stranger = { ...other, name: "CN=eve (eve.crt)" };
    await servers.issue("server", {
      subject: "/CN=x",
      extensions: ["subjectAltName=DNS:localhost,IP:127.0.0.1"],
    });
    await servers.issue("elsewhere", {
      subject: "/CN=localhost",
      extensions: ["subjectAltName=DNS:example.com"],
    });
  });
  afterAll(async () => {
    for (const authority of [users, strangers, servers]) await authority?.[Symbol.asyncDispose]();
  });

  async function gateway(...args: string[]): Promise<Gateway> {
    return await serve("server", "-Verify", "1", "-verify_return_error", ...args);
  }

  async function serve(name: string, ...args: string[]): Promise<Gateway> {
    const port = freePort();
    const pair = ["-cert", `${servers!.folder}/${name}.crt`, "-key", `${servers!.folder}/${name}.key`];
    const trust = ["-CAfile", `${users!.folder}/ca.crt`];
    const program = start(["openssl", [
      "s_server",
      "-accept",
      `${port}`,
      ...pair,
      ...trust,
      "-www",
      ...args,
    ]]);
    await listening(port);
    return Object.assign(program, { address: { tls: true, host: "localhost", port } });
  }

  function trusting(clientCertificate: ClientCertificate | null, verify = true): GatewayTrust {
    return { caCerts: [servers!.certPem], verify, clientCertificate };
  }

  /** The page of the server, through a connection like that of a tunnel. */
  async function dial(address: GatewayAddress, trust: GatewayTrust): Promise<string> {
    const { stream } = await dialGateway(address, { trust, signal: AbortSignal.timeout(10_000) });
    try {
      await stream.write(utf8("GET / HTTP/1.0\r\n\r\n"));
      let page = "";
      const into = new Uint8Array(4096);
      for (let n = await stream.read(into); n !== null; n = await stream.read(into)) {
        page += fromUtf8(into.subarray(0, n));
      }
      return page;
    } finally {
      stream.close();
    }
  }

  const ask = async (address: GatewayAddress, trust: GatewayTrust) =>
    (await askGateway(address, { path: "/", headers: {}, trust })).text;

  describe.each([["TLS 1.3", "-tls1_3"], ["TLS 1.2", "-tls1_2"]])("with %s", (_title, version) => {
    describe.each([["a tunnel", dial], ["a question", ask]])("over the connection of %s", (_title, reach) => {
      it.each([true, false])("sees it (its own certificate verified: %s)", async (verify) => {
        await using server = await gateway(version);
        expect(await reach(server.address, trusting(ann, verify))).toMatch(
          /Subject:\s*O\s*=\s*Example, CN\s*=\s*ann/,
        );
      });

      it.each([true, false])("refuses to go without, and we say so (verified: %s)", async (verify) => {
        await using server = await gateway(version);
        await expect(reach(server.address, trusting(null, verify))).rejects.toMatchObject({
          code: "client/certificate-refused",
          message: expect.stringContaining("wants a client certificate"),
          hint: expect.stringContaining("--client-cert"),
        });
      });

      it("refuses one of another authority, and we say which", async () => {
        await using server = await gateway(version);
        await expect(reach(server.address, trusting(stranger))).rejects.toMatchObject({
          code: "client/certificate-refused",
          message: expect.stringContaining("CN=eve (eve.crt)"),
          hint: expect.stringContaining("sallyport certs explain"),
        });
      });
    });
  });

  it("is verified no less when a certificate is shown", async () => {
    await using server = await gateway();
    const { address } = server;
    const untrusting = { ...trusting(ann), caCerts: [] };
    await expect(dial(address, untrusting)).rejects.toMatchObject({ code: "client/tls-untrusted" });
    expect(await dial({ ...address, host: "127.0.0.1" }, trusting(ann))).toContain("CN");
    await using other = await serve("elsewhere");
    await expect(dial(other.address, trusting(ann))).rejects.toMatchObject({
      code: "client/tls-untrusted",
      message: expect.stringContaining("another name"),
    });
  });

  it("needs not ask: the certificate then stays here", async () => {
    await using server = await serve("server");
    expect(await dial(server.address, trusting(ann))).not.toContain("CN = ann");
  });
});
