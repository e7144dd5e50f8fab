import fc from "fast-check";
import { expect, it } from "vitest";
import { parseCertificate } from "../../lib/pki/certificate.ts";
import { parseCrl } from "../../lib/pki/crl.ts";
import { CrlSet } from "../../lib/pki/crl_set.ts";
import { PathError } from "../../lib/pki/path_error.ts";
import { PkiError } from "../../lib/pki/pki_error.ts";
import { validatePath } from "../../lib/pki/validate_path.ts";
import { Entity, extensions, names } from "./_forge.ts";
import { NOW } from "./_pairs.ts";

const root = await Entity.root("Root");
const leaf = await root.issue({
  extensions: [extensions.alternativeNames(names.dns("a.example"), names.ip("c0000201"))],
});
const list = await root.revoke(["02"]);
const rules = { intermediates: [], anchors: [root.certificate], now: NOW, purpose: "client-auth" } as const;

/** Changes bytes, takes some out, or puts some in. */
function mutation(original: Uint8Array<ArrayBuffer>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const place = fc.nat(original.length - 1);
  return fc.record({ at: place, removed: fc.nat(3), inserted: fc.uint8Array({ maxLength: 3 }) })
    .map(({ at, removed, inserted }) =>
      Uint8Array.from([...original.subarray(0, at), ...inserted, ...original.subarray(at + removed)])
    )
    .filter((bytes) => bytes.toHex() !== original.toHex());
}

it("a certificate that was altered in any way is refused with a code", async () => {
  expect((await validatePath(leaf.certificate, rules)).chain).toHaveLength(2);
  await fc.assert(
    fc.asyncProperty(mutation(leaf.der), async (bytes) => {
      const error = await refusal(() => validatePath(parseCertificate(bytes), rules));
      return error instanceof PkiError || (error instanceof PathError && isOfSignatureOrBefore(error));
    }),
    { numRuns: 2000 },
  );
});

it("a revocation list that was altered in any way is refused with a code", async () => {
  const validate = (bytes: Uint8Array<ArrayBuffer>) =>
    validatePath(leaf.certificate, { ...rules, crls: new CrlSet([parseCrl(bytes)]), requireCrl: true });
  expect((await validate(list)).chain).toHaveLength(2);
  await fc.assert(
    fc.asyncProperty(mutation(list), async (bytes) => {
      const error = await refusal(() => validate(bytes));
      return error instanceof PkiError || error instanceof PathError;
    }),
    { numRuns: 2000 },
  );
});

it("any bytes are a certificate or are refused with a code", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    for (const parse of [parseCertificate, parseCrl]) {
      try {
        parse(Uint8Array.from(bytes));
      } catch (error) {
        if (!(error instanceof PkiError)) throw error;
      }
    }
  }));
});

async function refusal(attempt: () => Promise<unknown>): Promise<unknown> {
  try {
    await attempt();
    return null;
  } catch (error) {
    return error;
  }
}

/** Another issuer or algorithm is asked for before the signature can be wrong. */
function isOfSignatureOrBefore({ code }: PathError): boolean {
  return ["pki/path-bad-signature", "pki/path-no-anchor", "pki/path-unsupported-algorithm"].includes(code);
}
