import { type Certificate, parseCertificate } from "../../lib/pki/certificate.ts";
import { type Crl, parseCrl } from "../../lib/pki/crl.ts";
import { CrlSet } from "../../lib/pki/crl_set.ts";
import { PathError } from "../../lib/pki/path_error.ts";
import { PkiError } from "../../lib/pki/pki_error.ts";
import { validatePath } from "../../lib/pki/validate_path.ts";
import type { PkitsCase } from "./pkits_cases.ts";

/** Where Debian's python3-cryptography-vectors keeps the suite. */
const FOLDER = "/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data";
const NOW = Date.UTC(2015, 0, 1);
const NIST_TEST_POLICY = "2.16.840.1.101.3.2.1.48";
const ANY_POLICY = "2.5.29.32.0";

/** Whether the suite is installed. @throws {Error} when it is not and `REQUIRE_PEERS=1` */
export function requirePkits(): boolean {
  try {
    return Deno.statSync(FOLDER).isDirectory;
  } catch {
    if (Deno.env.get("REQUIRE_PEERS") === "1") {
      throw new Error("REQUIRE_PEERS=1, and python3-cryptography-vectors is not installed");
    }
    // deno-lint-ignore no-console
    console.warn("skipping PKITS: python3-cryptography-vectors is not installed");
    return false;
  }
}

/** Runs a test with every certificate looked up in a revocation list. @returns `valid`, or the code of the refusal */
export async function runPkits({ leaf, intermediates, crls, inputs }: PkitsCase): Promise<string> {
  try {
    await validatePath(readCertificate(leaf), {
      intermediates: intermediates.map(readCertificate),
      anchors: [readCertificate("TrustAnchorRootCertificate")],
      now: NOW,
      purpose: "any",
      crls: new CrlSet(["TrustAnchorRootCRL", ...crls].map(readCrl)),
      crlCheck: "chain",
      requireCrl: true,
      policies: policyInputs(inputs),
    });
    return "valid";
  } catch (error) {
    if (error instanceof PathError || error instanceof PkiError) return error.code;
    throw error;
  }
}

function policyInputs(inputs: readonly string[]) {
  const numbers = inputs.find((input) => input.startsWith("policies="))?.slice("policies=".length).split(",");
  return {
    acceptable: numbers?.map((number) => `${NIST_TEST_POLICY}.${number}`) ?? [ANY_POLICY],
    requireExplicit: inputs.includes("explicit"),
    inhibitMapping: inputs.includes("inhibit-mapping"),
    inhibitAny: inputs.includes("inhibit-any"),
  };
}

function readCertificate(name: string): Certificate {
  return parseCertificate(Deno.readFileSync(`${FOLDER}/certs/${name}.crt`));
}

function readCrl(name: string): Crl {
  return parseCrl(Deno.readFileSync(`${FOLDER}/crls/${name}.crl`));
}
