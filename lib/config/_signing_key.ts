import { createPrivateKey, type KeyObject } from "node:crypto";
import { reportsBoth, type SecretSources } from "./_certificates.ts";
import { quote } from "./_quote.ts";

/** A private key of RFC 5208 or RFC 5915 in PEM. */
const PRIVATE_KEY = /-----BEGIN ((?:EC )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/g;

/** The key for assertions as PKCS #8 in PEM, in place or from its file; `null` when there is none. */
export async function readSigningKey({ values, place, files }: SecretSources): Promise<string | null> {
  const { signing_key: inPlace, signing_key_file: file } = values;
  if ((inPlace === null && file === null) || reportsBoth("signing_key", place)) return null;
  const path = [file === null ? "signing_key" : "signing_key_file"];
  const text = file === null ? inPlace : await files.text(file, path);
  if (text === null) return null;
  const [first, second] = text.match(PRIVATE_KEY) ?? [];
  const key = first === undefined ? null : parseKey(first);
  if (key?.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    place.report.error("config/bad-value", {
      message: `The signing key${
        file === null ? "" : ` in the file ${quote(file)}`
      } is not a P-256 private key in PEM`,
      hint: "make one with: openssl ecparam -genkey -name prime256v1 -noout -out signing.pem",
      path,
      at: file === null ? "key" : "value",
    });
    return null;
  }
  if (second !== undefined) {
    const message = "There are several signing keys: this version takes the first one only";
    place.report.warn("config/no-effect", { message, path, at: "key" });
  }
  return key.export({ type: "pkcs8", format: "pem" }) as string;
}

function parseKey(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    // What is wrong with a key is not worth the risk of showing a part of it.
    return null;
  }
}
