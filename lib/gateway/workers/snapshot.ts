import { loadConfig, type LoadedConfig, type LoadOptions } from "../../config/load_config.ts";

/**
 * A configuration, every file that it names, and what the environment says to it, as they were read: what all workers serve
 * the same of. JSON. Holds secrets.
 */
export interface Snapshot {
  /** As {@link LoadOptions.file}. */
  readonly file: string;
  /** By path; `null`: it could not be read. */
  readonly texts: Readonly<Record<string, string | null>>;
  /** Variables that are set, by name. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Reads a configuration, and keeps what was read. */
export async function loadWithSnapshot(source: LoadOptions): Promise<LoadedConfig & { snapshot: Snapshot }> {
  const texts = new Map<string, string | null>();
  const readTextFile = async (path: string) => {
    texts.set(path, null);
    const text = await source.readTextFile(path);
    texts.set(path, text);
    return text;
  };
  const variables = new Map<string, string>();
  const env = (name: string) => {
    const value = source.env?.(name);
    if (value !== undefined) variables.set(name, value);
    return value;
  };
  const loaded = await loadConfig({ file: source.file, readTextFile, env });
  const snapshot = {
    file: source.file,
    texts: Object.fromEntries(texts),
    variables: Object.fromEntries(variables),
  };
  return { ...loaded, snapshot };
}

/** Where to read a configuration from to get that of a snapshot. */
export function snapshotSource({ file, texts, variables }: Snapshot): LoadOptions {
  const readTextFile = (path: string) => {
    const text = Object.hasOwn(texts, path) ? texts[path] : null;
    return typeof text === "string" ? Promise.resolve(text) : Promise.reject(new Deno.errors.NotFound(path));
  };
  const env = (name: string) => Object.hasOwn(variables, name) ? variables[name] : undefined;
  return { file, readTextFile, env };
}
