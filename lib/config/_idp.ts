import { reportsBoth, type SecretSources } from "./_certificates.ts";
import type { IdpSettings } from "./config.ts";
import { type IdpName, needsProviderUrl } from "./idp_names.ts";
import type { ProviderDefaults } from "./_route_client.ts";

/** The keys that mean nothing while the gateway itself vouches for people. */
const KEYS = [
  "idp_provider_url",
  "idp_client_id",
  "idp_client_secret",
  "idp_client_secret_file",
  "idp_scopes",
  "idp_request_params",
] as const;

/** How the identity provider is reached; `null` for `local`, and when an error was reported. */
export async function readIdp(sources: SecretSources): Promise<IdpSettings | null> {
  const { values, place } = sources;
  const name = values.idp_provider;
  if (name === "local") {
    if (!isProviderThere(place)) warnOfPointless(sources);
    return null;
  }
  const { idp_provider_url: url, idp_client_id: clientId } = values;
  if (url === null && needsProviderUrl[name]) reportMissing("idp_provider_url", { name, sources });
  if (clientId === null) reportMissing("idp_client_id", { name, sources });
  const clientSecret = await readClientSecret(sources);
  if (clientId === null || place.report.errorCount > 0) return null;
  return Object.freeze({
    url,
    clientId,
    clientSecret,
    scopes: values.idp_scopes === null ? null : Object.freeze(values.idp_scopes),
    requestParams: Object.freeze(values.idp_request_params),
  });
}

/** What routes have to know about the provider. */
export function providerDefaults(
  { idp_client_id: clientId, idp_client_secret: clientSecret }: SecretSources["values"],
  place: SecretSources["place"],
): ProviderDefaults {
  return { isThere: isProviderThere(place), clientId, clientSecret, routeClients: new Map() };
}

/** Also when it is wrong: that was reported already. */
function isProviderThere({ mapping }: SecretSources["place"]): boolean {
  return ![undefined, null, "local"].includes(mapping.idp_provider as string);
}

function warnOfPointless({ place }: SecretSources): void {
  for (const key of KEYS) {
    if (!Object.hasOwn(place.mapping, key)) continue;
    const message = `${key} has no effect without idp_provider`;
    place.report.warnOnce("config/no-effect", { message, path: [key], at: "key" });
  }
}

/** A value that is there and wrong was reported already. */
function reportMissing(
  key: "idp_provider_url" | "idp_client_id",
  { name, sources: { place } }: { name: IdpName; sources: SecretSources },
): void {
  if (Object.hasOwn(place.mapping, key) && place.mapping[key] !== null) return;
  const message = `idp_provider ${name} stands without ${key}`;
  place.report.error("config/missing-key", {
    message,
    hint: `add ${key}`,
    path: ["idp_provider"],
    at: "key",
  });
}

async function readClientSecret({ values, place, files }: SecretSources): Promise<string | null> {
  const { idp_client_secret: secret, idp_client_secret_file: file } = values;
  if (file === null) return secret;
  if (reportsBoth("idp_client_secret", place)) return null;
  const text = (await files.text(file, ["idp_client_secret_file"]))?.trim();
  if (text !== "") return text ?? null;
  place.report.error("config/bad-value", {
    message: "The file of the client secret is empty",
    path: ["idp_client_secret_file"],
  });
  return null;
}
