import { X509Certificate } from "node:crypto";
import { decodeBase64 } from "../base/bytes.ts";
import { ClientError } from "./client_error.ts";

/** Which certificates of a gateway are believed. */
export interface GatewayTrust {
  /** Authorities trusted beside those that the platform trusts, one PEM block each. */
  readonly caCerts: readonly string[];
  /** `false` believes any certificate: whoever is on the way can then read and change everything. */
  readonly verify: boolean;
  /** What is shown to a gateway that asks for a certificate; default: none. */
  readonly clientCertificate?: ClientCertificate | null;
}

/** A certificate and its key, to be shown to a gateway. */
export interface ClientCertificate {
  /** The certificate itself, then its intermediates, as PEM text. */
  readonly certPem: string;
  /** Unencrypted. A secret. */
  readonly keyPem: string;
  /** For messages: its subject, and where it comes from. */
  readonly name: string;
}

/** Trust in the platform's own authorities. */
export const platformTrust: GatewayTrust = { caCerts: [], verify: true };

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * Takes the certificates out of PEM text.
 *
 * @param source what the text is, for the message
 * @returns at least one block
 * @throws {ClientError} `client/invalid-certificate`
 */
export function parseCaCerts(text: string, source: string): string[] {
  const blocks = text.match(PEM_BLOCK) ?? [];
  if (blocks.length === 0) {
    throw new ClientError("client/invalid-certificate", `There is no PEM certificate in ${source}`);
  }
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw new ClientError("client/invalid-certificate", `A certificate in ${source} cannot be read`, {
        cause,
      });
    }
  }
  return blocks;
}

/**
 * The same for PEM text that was written as base64.
 *
 * @throws {ClientError} `client/invalid-certificate`
 */
export function parseBase64CaCerts(base64: string, source: string): string[] {
  const bytes = decodeBase64(base64.replace(/\s/g, ""));
  if (bytes === null) {
    throw new ClientError("client/invalid-certificate", `${source} is not base64`, {
      hint: "encode the PEM file, as in: base64 -w0 ca.pem",
    });
  }
  return parseCaCerts(new TextDecoder().decode(bytes), source);
}
