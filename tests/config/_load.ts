import { formatComplaint } from "../../lib/config/complaint.ts";
import { loadConfig, type LoadedConfig } from "../../lib/config/load_config.ts";

/** Loads `text` as `routes.yaml`; `files`: what else can be read, by path. */
export function load(text: string, files: Readonly<Record<string, string>> = {}): Promise<LoadedConfig> {
  return loadConfig({
    file: "routes.yaml",
    readTextFile: (path) => {
      const content = path === "routes.yaml" ? text : files[path];
      return content === undefined
        ? Promise.reject(new Deno.errors.NotFound(`${path} not found`))
        : Promise.resolve(content);
    },
  });
}

/** Severity and code of every complaint. */
export function codesOf({ complaints }: LoadedConfig): string[] {
  return complaints.map(({ severity, code }) => `${severity} ${code}`);
}

/** All complaints as they are printed. */
export function transcriptOf({ complaints }: LoadedConfig): string {
  return complaints.map(formatComplaint).join("\n");
}

/** A configuration with one route, of the given keys beside or instead of the usual ones. */
export function oneRoute(keys: Readonly<Record<string, unknown>>): string {
  const usual = {
    from: "tcp+https://db.example.com:5432",
    to: "tcp://10.0.0.5:5432",
    allow_any_authenticated_user: true,
  };
  return JSON.stringify({ routes: [{ ...usual, ...keys }] });
}
