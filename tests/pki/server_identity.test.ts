import { Buffer } from "node:buffer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serverIdentityFault } from "../../lib/pki/server_identity.ts";
import { type OpensslAuthority, opensslAuthority } from "../_support/openssl_authority.ts";
import { requirePeer } from "../_support/peers.ts";

describe.skipIf(!requirePeer("openssl"))("serverIdentityFault()", () => {
  let authority: OpensslAuthority;
  const certificates = new Map<string, Uint8Array>();
  beforeAll(async () => {
    authority = await opensslAuthority("/CN=Example authority");
    const names = "subjectAltName=DNS:gw.example.com,DNS:*.apps.example.com,IP:192.0.2.1,IP:2001:db8::1";
    await add("several", [names]);
    await add("nameless", ["keyUsage=digitalSignature"]);
    await add("version1", []);
  });
  afterAll(() => authority[Symbol.asyncDispose]());

  async function add(name: string, extensions: string[]): Promise<void> {
    const { certPem } = await authority.issue(name, { subject: "/CN=gw.example.com", extensions });
    certificates.set(name, Buffer.from(certPem.replace(/-----[^-]+-----|\s/g, ""), "base64"));
  }

  it.each<[string, string, string | null]>([
    ["several", "gw.example.com", null],
    ["several", "GW.example.com.", null],
    ["several", "a.apps.example.com", null],
    ["several", "192.0.2.1", null],
    ["several", "2001:db8:0::1", null],
    ["several", "a.b.apps.example.com", "not valid for name"],
    ["several", "apps.example.com", "not valid for name"],
    ["several", "other.example.com", "not valid for name"],
    ["several", "192.0.2.2", "not valid for name"],
    ["nameless", "gw.example.com", "not valid for name"],
    ["version1", "gw.example.com", "not of version 3"],
  ])("of %s, reached as %s: %s", (certificate, host, fault) => {
    const found = serverIdentityFault(certificates.get(certificate)!, host);
    if (fault === null) expect(found).toBeNull();
    else expect(found?.message).toContain(fault);
  });

  it("refuses what is no certificate", () => {
    expect(serverIdentityFault(Uint8Array.of(1, 2, 3), "gw.example.com")?.message).toContain(
      "cannot be read",
    );
  });
});
