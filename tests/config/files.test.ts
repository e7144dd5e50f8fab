import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../lib/config/load_config.ts";
import { codesOf, load } from "./_load.ts";

const cert = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
const key = (name: string) => `-----BEGIN EC PRIVATE KEY-----\n${name}\n-----END EC PRIVATE KEY-----\n`;
const pemOf = (curve: string, type: "pkcs8" | "sec1") =>
  generateKeyPairSync("ec", { namedCurve: curve }).privateKey.export({ type, format: "pem" }) as string;
const signing = pemOf("P-256", "pkcs8");
const files = {
  "signing.pem": signing,
  "p384.pem": pemOf("P-384", "sec1"),
  "a.pem": cert("a"),
  "a-key.pem": key("a"),
  "/etc/b.pem": cert("b"),
  "/etc/b-key.pem": key("b"),
  "secret.txt": `${"A".repeat(43)}=\n`,
  "short.txt": "AAAA",
  "large.pem": "-".repeat(1024 * 1024 + 1),
};

describe("loadConfig() reads", () => {
  it("certificates from the list, from the pair of files and in place, in this order", async () => {
    const { config } = await load(
      `
certificate: ${btoa(cert("c"))}
certificate_key: ${btoa(key("c"))}
certificate_file: /etc/b.pem
certificate_key_file: /etc/b-key.pem
certificates:
  - {cert: a.pem, key: a-key.pem}`,
      files,
    );
    expect(config!.certificates).toEqual([
      { certPem: cert("a"), keyPem: key("a"), source: "a.pem" },
      { certPem: cert("b"), keyPem: key("b"), source: "/etc/b.pem" },
      { certPem: cert("c"), keyPem: key("c"), source: "certificate" },
    ]);
  });

  it("authorities from a file and in place", async () => {
    const { config } = await load(
      `certificate_authority_file: a.pem\ncertificate_authority: ${btoa(cert("c"))}`,
      files,
    );
    expect(config!.certificateAuthorityPem).toBe(`${cert("a")}\n${cert("c")}`);
  });

  it("the shared secret from a file that ends with a line end", async () => {
    const { config } = await load("shared_secret_file: secret.txt", files);
    expect(config!.sharedSecret).toEqual(new Uint8Array(32));
  });

  it.each<[string, string, Record<string, string>]>([
    ["from a file", "signing_key_file: signing.pem", {}],
    ["in place", `signing_key: ${btoa(signing)}`, {}],
    ["in the older form", "signing_key_file: old.pem", {
      "old.pem": createPrivateKey(signing).export({ type: "sec1", format: "pem" }) as string,
    }],
    ["behind the parameters of its curve", "signing_key_file: old.pem", {
      "old.pem": `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${signing}`,
    }],
  ])("the signing key %s, as PKCS #8", async (_, text, more) => {
    const { config, complaints } = await load(`${text}\nroutes: []`, { ...files, ...more });
    expect(complaints.map(({ code }) => code)).toEqual(["config/no-routes"]);
    expect(config!.signingKeyPem).toBe(signing);
  });

  it("the first of several signing keys, with a warning", async () => {
    const { config, complaints } = await load("signing_key_file: two.pem\nroutes: []", {
      "two.pem": signing + pemOf("P-256", "pkcs8"),
    });
    expect(config!.signingKeyPem).toBe(signing);
    expect(complaints[0]).toMatchObject({ severity: "warning", code: "config/no-effect", line: 1 });
  });

  it("files from the folder of the configuration", async () => {
    const asked: string[] = [];
    await loadConfig({
      file: "/etc/sallyport/routes.yaml",
      readTextFile: (path) => {
        asked.push(path);
        return Promise.resolve("certificates: [{cert: tls/a.pem, key: ../b.pem}, {cert: /c, key: /d}]");
      },
    });
    expect(asked).toEqual([
      "/etc/sallyport/routes.yaml",
      "/etc/sallyport/tls/a.pem",
      "/etc/b.pem",
      "/c",
      "/d",
    ]);
  });
});

describe("loadConfig() refuses", () => {
  it.each<[string, string[]]>([
    ["certificate_file: a.pem", ["config/incomplete-pair"]],
    ["certificate_key_file: a-key.pem", ["config/incomplete-pair"]],
    [`certificate: ${btoa(cert("a"))}`, ["config/incomplete-pair"]],
    [`certificate: ${btoa(cert("a"))}\ncertificate_key: '***'`, ["config/bad-value"]],
    [`certificate: //79\ncertificate_key: ${btoa(key("a"))}`, ["config/bad-value"]],
    ["certificate_file: a.pem\ncertificate_key_file: a.pem", ["config/not-pem"]],
    ["certificate_file: a-key.pem\ncertificate_key_file: a.pem", ["config/not-pem", "config/not-pem"]],
    [
      "certificates: [{cert: nowhere.pem, key: no.pem}]",
      ["config/file-unreadable", "config/file-unreadable"],
    ],
    ["certificate_authority_file: large.pem", ["config/file-unreadable"]],
    ["certificate_authority_file: a-key.pem", ["config/not-pem"]],
    [`certificate_authority: ${btoa("no PEM")}`, ["config/not-pem"]],
    ["shared_secret_file: short.txt", ["config/bad-value"]],
    ["shared_secret_file: nowhere.txt", ["config/file-unreadable"]],
    [`shared_secret_file: secret.txt\nshared_secret: ${"A".repeat(43)}=`, ["config/conflict"]],
    ["signing_key_file: p384.pem", ["config/bad-value"]],
    ["signing_key_file: a-key.pem", ["config/bad-value"]],
    ["signing_key_file: a.pem", ["config/bad-value"]],
    ["signing_key_file: nowhere.pem", ["config/file-unreadable"]],
    [`signing_key: ${btoa("no PEM")}`, ["config/bad-value"]],
    ["signing_key: '***'", ["config/bad-value"]],
    [`signing_key_file: signing.pem\nsigning_key: ${btoa(signing)}`, ["config/conflict"]],
  ])("%s", async (text, codes) => {
    const loaded = await load(text, files);
    expect(loaded.config).toBeNull();
    expect(codesOf(loaded)).toEqual(codes.map((code) => `error ${code}`));
  });

  it("a configuration that is not there, without throwing", async () => {
    const { config, complaints } = await loadConfig({
      file: "routes.yaml",
      readTextFile: () => Promise.reject(new Deno.errors.NotFound("os error 2")),
    });
    expect(config).toBeNull();
    expect(complaints).toMatchObject([{
      code: "config/unreadable",
      message: "Cannot read the configuration: it does not exist",
      line: 0,
    }]);
  });

  it("a file that may not be read, and says why and where it looked", async () => {
    const { complaints } = await loadConfig({
      file: "conf/routes.yaml",
      readTextFile: (path) =>
        path === "conf/routes.yaml"
          ? Promise.resolve("shared_secret_file: secret.txt")
          : Promise.reject(new Deno.errors.PermissionDenied("permission denied")),
    });
    expect(complaints).toMatchObject([{
      message: 'Cannot read the file "secret.txt": permission denied',
      hint: "a name without a leading slash starts in the folder conf",
      line: 1,
      column: 21,
    }]);
  });

  it("a short secret in a file without showing it", async () => {
    const { complaints } = await load("shared_secret_file: short.txt", files);
    expect(JSON.stringify(complaints)).not.toContain(files["short.txt"]);
  });

  it("a file that vanishes while it is loaded, where it is named", async () => {
    const { config, complaints } = await loadConfig({
      file: "routes.yaml",
      readTextFile: (path) => {
        if (path !== "cert.pem") return Promise.resolve("certificates:\n- {cert: cert.pem, key: cert.pem}");
        throw new Deno.errors.NotFound("gone");
      },
    });
    expect(config).toBeNull();
    expect(complaints[0]).toMatchObject({
      code: "config/file-unreadable",
      message: 'Cannot read the file "cert.pem": it does not exist',
      line: 2,
      column: 10,
    });
  });
});
