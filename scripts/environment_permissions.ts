import { ENVIRONMENT_PREFIX, environmentKeys } from "../lib/config/environment.ts";

/** Where the permissions are kept. */
export const denoJson = new URL("../deno.json", import.meta.url);

/** What the YAML parser looks up as it is loaded, and the PostgreSQL driver before it connects. */
const OF_PACKAGES = ["LOG_STREAM", "LOG_TOKENS", "PGAPPNAME", "PGTARGETSESSIONATTRS"];

/** The variables of the environment that a gateway may look up. */
export function environmentPermissions(): string[] {
  return [`${ENVIRONMENT_PREFIX}*`, ...OF_PACKAGES, ...environmentKeys.map(({ name }) => name)];
}

/** `deno.json` with those variables in the sets of permissions that gateways run with, and otherwise as it was. */
export function withEnvironmentPermissions(text: string): string {
  const names = environmentPermissions().map((name) => `        ${JSON.stringify(name)}`).join(",\n");
  return text.replaceAll(/("(?:default|workers)": \{[^}]*?"env": )\[[^\]]*\]/g, `$1[\n${names}\n      ]`);
}
