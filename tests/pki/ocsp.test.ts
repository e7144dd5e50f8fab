import { AsnConvert } from "@peculiar/asn1-schema";
import { OCSPRequest } from "@peculiar/asn1-ocsp";
import { beforeAll, describe, expect, it } from "vitest";
import { parseCrl } from "../../lib/pki/crl.ts";
import { CrlSet } from "../../lib/pki/crl_set.ts";
import { type OcspOptions, ocspRequest, verifyOcspAnswer } from "../../lib/pki/ocsp.ts";
import {
  ascii,
  CLIENT_AUTH,
  DIGITAL_SIGNATURE,
  Entity,
  extension,
  extensions,
  type Forgery,
  SIGN_BOTH,
} from "./_forge.ts";
import { informationAccess, ocspAnswer, type OcspForgery } from "./_ocsp.ts";
import { NOW } from "./_pairs.ts";

const MINUTE_MS = 60_000;
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
const delegated = [extensions.keyUsage(DIGITAL_SIGNATURE), extensions.extendedKeyUsage(OCSP_SIGNING)];

let root: Entity;
let ca: Entity;
let leaf: Entity;

beforeAll(async () => {
  root = await Entity.root("Root");
  ca = await root.issueAuthority("CA", { serial: "0a" });
  leaf = await ca.issue({ serial: "0b" });
});

async function verify(forgery: OcspForgery, options: Partial<OcspOptions> = {}) {
  const answer = await ocspAnswer([ca, leaf], forgery);
  return await verifyOcspAnswer(answer, {
    certificate: leaf.certificate,
    issuer: ca.certificate,
    now: NOW,
    ...options,
  });
}

/** An answer by somebody whose certificate comes with it. */
async function verifyBy(signer: Entity, options: Partial<OcspOptions> = {}) {
  return await verify({ signer, certificates: [signer] }, options);
}

const delegate = (forgery: Forgery = {}) =>
  ca.issue({ subject: "Responder", serial: "0c", extensions: delegated, ...forgery });

const failing = (code: string) => expect.objectContaining({ code });

describe("ocspRequest()", () => {
  it("names one certificate, and nothing else", () => {
    const request = AsnConvert.parse(ocspRequest(leaf.certificate, ca.certificate), OCSPRequest);
    const [one, ...others] = request.tbsRequest.requestList;
    expect(others).toEqual([]);
    expect(one!.reqCert.hashAlgorithm.algorithm).toBe("1.3.14.3.2.26");
    expect(new Uint8Array(one!.reqCert.serialNumber).toHex()).toBe("0b");
    expect(request.tbsRequest.requestExtensions).toBeUndefined();
  });
});

describe("verifyOcspAnswer()", () => {
  it.each<[string, OcspForgery]>([
    ["signed by the issuer", {}],
    ["by a responder that is named by its key", { byKey: true }],
    ["that names the certificate by SHA-256", { hash: "sha256" }],
    ["with a nonce that nobody asked for", {
      extension: extension("1.3.6.1.5.5.7.48.1.2", ascii("n"), true),
    }],
    ["of a clock that is 4 minutes ahead", { thisUpdate: NOW + 4 * MINUTE_MS }],
    ["of a clock that is 4 minutes behind", { nextUpdate: NOW - 4 * MINUTE_MS }],
  ])("accepts one %s", async (_, forgery) => {
    const { nextUpdate = NOW + 60 * MINUTE_MS } = forgery;
    expect(await verify(forgery)).toEqual({ status: "good", until: nextUpdate });
  });

  it.each(["good", "revoked", "unknown"] as const)("reads the status %s", async (status) => {
    expect(await verify({ status })).toMatchObject({ status });
  });

  it("takes the worst of several answers", async () => {
    expect(await verify({ more: ["unknown", "revoked"] })).toMatchObject({ status: "revoked" });
    expect(await verify({ more: ["unknown"] })).toMatchObject({ status: "unknown" });
  });

  it("takes one without an end for 5 minutes old at most", async () => {
    const thisUpdate = NOW - 4 * MINUTE_MS;
    const forgery = { thisUpdate, nextUpdate: null };
    expect(await verify(forgery)).toEqual({ status: "good", until: thisUpdate + 5 * MINUTE_MS });
    await expect(verify(forgery, { now: NOW + 7 * MINUTE_MS })).rejects.toThrow(
      failing("pki/ocsp-out-of-date"),
    );
  });

  it.each<[string, OcspForgery, string]>([
    ["that has ended", { nextUpdate: NOW - 6 * MINUTE_MS }, "pki/ocsp-out-of-date"],
    ["that has not begun", { thisUpdate: NOW + 6 * MINUTE_MS }, "pki/ocsp-out-of-date"],
    ["for another serial number", { serial: "0d" }, "pki/ocsp-other-certificate"],
    ["named by a hash that is not known", { hash: "sha512" }, "pki/ocsp-other-certificate"],
    ["that is no answer but tryLater", { responseStatus: 3 }, "pki/ocsp-refused"],
    ["that is no answer but unauthorized", { responseStatus: 6 }, "pki/ocsp-refused"],
    [
      "with a critical extension",
      { extension: extension("1.2.3.4", ascii("x"), true) },
      "pki/bad-ocsp-answer",
    ],
  ])("refuses one %s", async (_, forgery, code) => {
    await expect(verify(forgery)).rejects.toThrow(failing(code));
  });

  it("refuses one for the same serial number of another issuer", async () => {
    const issuer = await Entity.root("Other");
    await expect(verify({ issuer })).rejects.toThrow(failing("pki/ocsp-other-certificate"));
    const namesake = await root.issueAuthority("CA");
    await expect(verify({ issuer: namesake })).rejects.toThrow(failing("pki/ocsp-other-certificate"));
    const renamed = await root.issueAuthority("Other", { keys: ca.keys });
    await expect(verify({ issuer: renamed })).rejects.toThrow(failing("pki/ocsp-other-certificate"));
  });

  it("refuses one in which a single bit was changed, and what is cut off", async () => {
    const options = { certificate: leaf.certificate, issuer: ca.certificate, now: NOW };
    const answer = await ocspAnswer([ca, leaf]);
    for (let at = 0; at < answer.length; at++) {
      const changed = answer.slice();
      changed[at] = changed[at]! ^ 1;
      await expect(verifyOcspAnswer(changed, options), `byte ${at}`).rejects.toThrow(
        failing(expect.stringMatching(/^pki\//)),
      );
      await expect(verifyOcspAnswer(answer.slice(0, at), options), `up to ${at}`).rejects.toThrow(
        failing("pki/bad-ocsp-answer"),
      );
    }
  });

  it("refuses one of more than 64 KiB", async () => {
    const options = { certificate: leaf.certificate, issuer: ca.certificate, now: NOW };
    await expect(verifyOcspAnswer(new Uint8Array(65_537), options)).rejects.toThrow(
      failing("pki/bad-ocsp-answer"),
    );
  });
});

describe("verifyOcspAnswer() of a delegated responder", () => {
  it("accepts one that the issuer has named", async () => {
    expect(await verifyBy(await delegate())).toMatchObject({ status: "good" });
  });

  it.each<[string, () => Promise<Entity>]>([
    ["without the usage", () => delegate({ extensions: [extensions.keyUsage(DIGITAL_SIGNATURE)] })],
    ["for clients", () => delegate({ extensions: [extensions.extendedKeyUsage(CLIENT_AUTH)] })],
    ["for any usage", () => delegate({ extensions: [extensions.extendedKeyUsage("2.5.29.37.0")] })],
    [
      "whose key is not for signatures of data",
      () =>
        delegate({ extensions: [extensions.keyUsage(SIGN_BOTH), extensions.extendedKeyUsage(OCSP_SIGNING)] }),
    ],
    ["that has expired", () => delegate({ notAfter: NOW - 1000 })],
    ["that is not valid yet", () => delegate({ notBefore: NOW + 1000 })],
    ["of version 1", () => delegate({ version: 1, extensions: [] })],
    [
      "with a critical extension that is not understood",
      () => delegate({ extensions: [...delegated, extension("1.2.3.4", ascii("x"), true)] }),
    ],
    ["of the authority above", () => root.issue({ subject: "Responder", extensions: delegated })],
    [
      "of an authority below",
      async () => (await ca.issueAuthority("Below")).issue({ subject: "Responder", extensions: delegated }),
    ],
    [
      "of another authority of the same name",
      async () => (await root.issueAuthority("CA")).issue({ subject: "Responder", extensions: delegated }),
    ],
    ["that nobody has issued", () => Entity.root("Responder", { extensions: delegated })],
    ["that is the authority above itself", () => Promise.resolve(root)],
    ["that is another certificate of the same authority", () => ca.issue({ subject: "Mallory" })],
  ])("refuses one %s", async (_, make) => {
    await expect(verifyBy(await make())).rejects.toThrow(failing("pki/ocsp-untrusted-signer"));
  });

  it("refuses the word of the certificate itself, even were it a responder", async () => {
    const both = await delegate({
      extensions: [
        extensions.keyUsage(DIGITAL_SIGNATURE),
        extensions.extendedKeyUsage(CLIENT_AUTH, OCSP_SIGNING),
      ],
    });
    const answer = await ocspAnswer([ca, both], { signer: both, certificates: [both] });
    const options = { certificate: both.certificate, issuer: ca.certificate, now: NOW };
    await expect(verifyOcspAnswer(answer, options)).rejects.toThrow(failing("pki/ocsp-untrusted-signer"));
  });

  it("refuses one whose certificate is not the signer's, or does not come with it", async () => {
    const [responder, other] = [await delegate(), await delegate()];
    for (const certificates of [[], [other]]) {
      await expect(verify({ signer: responder, certificates })).rejects.toThrow(
        failing("pki/ocsp-untrusted-signer"),
      );
    }
  });

  it("refuses one that a revocation list names", async () => {
    const crls = new CrlSet([parseCrl(await ca.revoke(["0c"]))]);
    await expect(verifyBy(await delegate(), { crls })).rejects.toThrow(failing("pki/ocsp-untrusted-signer"));
    expect(await verifyBy(await delegate({ serial: "0e" }), { crls })).toMatchObject({ status: "good" });
  });

  it("refuses one with too many certificates", async () => {
    const certificates = Array.from({ length: 9 }, () => leaf);
    await expect(verify({ certificates })).rejects.toThrow(failing("pki/bad-ocsp-answer"));
  });
});

describe("parseCertificate()", () => {
  it("reads where the responders are", async () => {
    const uris = ["http://ocsp.example.com/", "ldap://x"];
    const { certificate } = await ca.issue({ extensions: [informationAccess(...uris)] });
    expect(certificate.extensions.ocspUris).toEqual(uris);
  });
});
