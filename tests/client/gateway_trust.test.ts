import { beforeAll, describe, expect, it } from "vitest";
import { ClientError } from "../../lib/client/client_error.ts";
import { parseBase64CaCerts, parseCaCerts } from "../../lib/client/gateway_trust.ts";
import { makeCertificates } from "./_certificates.ts";

let pems: string[];
beforeAll(async () => {
  pems = (await Promise.all([makeCertificates("a"), makeCertificates("b")])).map(({ caPem }) => caPem.trim());
});

function codeOf(run: () => unknown): string | null {
  try {
    run();
  } catch (error) {
    if (error instanceof ClientError) return error.code;
    throw error;
  }
  return null;
}

describe("parseCaCerts()", () => {
  it("takes every certificate out of a bundle with comments", () => {
    expect(parseCaCerts(`# one\n${pems[0]}\n# two\n${pems[1]}\n`, "ca.pem")).toEqual(pems);
  });

  it.each([
    ["nothing", ""],
    ["a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"],
    ["a broken certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
  ])("refuses %s", (_, text) => {
    expect(codeOf(() => parseCaCerts(text, "ca.pem"))).toBe("client/invalid-certificate");
  });
});

describe("parseBase64CaCerts()", () => {
  it("reads base64 with line breaks", () => {
    const base64 = btoa(pems.join("\n")).replace(/.{76}/g, "$&\n");
    expect(parseBase64CaCerts(base64, "--ca-cert")).toEqual(pems);
  });

  it("refuses a path", () => {
    expect(codeOf(() => parseBase64CaCerts("./ca.pem", "--ca-cert"))).toBe("client/invalid-certificate");
  });
});
