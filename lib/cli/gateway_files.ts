import { dirname } from "node:path";
import type { Config, StorageSettings } from "../config/config.ts";
import { formatComplaint } from "../config/complaint.ts";
import { loadConfig, type LoadedConfig, type LoadOptions } from "../config/load_config.ts";
import { loadWithSnapshot, type Snapshot } from "../gateway/workers/snapshot.ts";
import type { CliIo } from "./command.ts";
import type { OptionSpec, ParsedArgs } from "./options.ts";
import { UsageError } from "./usage_error.ts";

/** Options of every command that reads the gateway's files. */
export const CONFIG_OPTION: OptionSpec = {
  name: "config",
  aliases: ["c"],
  value: "FILE",
  description: "The configuration",
  default: "routes.yaml",
  env: "SALLYPORT_CONFIG",
};

/** See {@link CONFIG_OPTION}. */
export const STATE_OPTION: OptionSpec = {
  name: "state-dir",
  value: "FOLDER",
  description: "Keys, certificates and the database (default: .sallyport beside the configuration)",
  env: "SALLYPORT_STATE_DIR",
};

/** The folder that {@link STATE_OPTION} names, or its default. */
export function stateDirectoryOf(args: ParsedArgs): string {
  return args.find(STATE_OPTION.name) ?? `${dirname(args.get(CONFIG_OPTION.name))}/.sallyport`;
}

/** A configuration that can be served, and where it came from. */
export interface ReadConfig {
  /** What to serve. */
  readonly config: Config;
  /** To read it again. */
  readonly source: LoadOptions & { readonly files: readonly string[] };
  /** What was read. */
  readonly snapshot: Snapshot;
}

/** Reads the configuration, and prints what is to be said of it to standard error. */
export async function loadAndComplain(
  args: ParsedArgs,
  io: CliIo,
): Promise<LoadedConfig & { snapshot: Snapshot }> {
  const loaded = await loadWithSnapshot(sourceOf(args, io));
  for (const complaint of loaded.complaints) io.stderr(`${formatComplaint(complaint)}\n\n`);
  return loaded;
}

/**
 * Reads the configuration to serve it, and prints what is to be said of it to standard error.
 *
 * @returns `null` when it cannot be used
 */
export async function readConfig(args: ParsedArgs, io: CliIo): Promise<ReadConfig | null> {
  const { config, files, snapshot } = await loadAndComplain(args, io);
  return config === null ? null : { config, source: { ...sourceOf(args, io), files }, snapshot };
}

/**
 * Where the gateway of these files keeps its users. Without a configuration: in the state directory. What is wrong with
 * one is printed to standard error.
 *
 * @returns `null` when the configuration cannot be used
 * @throws {UsageError} when users cannot be reached from another process
 */
export async function readStorage(args: ParsedArgs, io: CliIo): Promise<StorageSettings | null> {
  const config = await findConfig(args, io);
  if (config === undefined) return { type: "file", connectionString: null };
  if (config?.storage.type === "memory") {
    throw new UsageError(
      "cli/conflicting-options",
      `The gateway of ${
        args.get(CONFIG_OPTION.name)
      } keeps its users in memory, where only it can reach them`,
      "set databroker_storage_type to file or postgres",
    );
  }
  return config?.storage ?? null;
}

/**
 * Reads the configuration for a command that works on what the gateway keeps. Errors in it are printed to standard error.
 *
 * @returns `undefined` when there is none, `null` when it cannot be used
 */
export async function findConfig(args: ParsedArgs, io: CliIo): Promise<Config | null | undefined> {
  const { config, complaints } = await loadConfig(sourceOf(args, io));
  if (config !== null) return config;
  if (!await exists(args.get(CONFIG_OPTION.name), io)) return undefined;
  for (const complaint of complaints.filter(({ severity }) => severity === "error")) {
    io.stderr(`${formatComplaint(complaint)}\n\n`);
  }
  return null;
}

async function exists(file: string, io: CliIo): Promise<boolean> {
  try {
    await io.readTextFile(file);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

function sourceOf(args: ParsedArgs, io: CliIo): LoadOptions {
  return { file: args.get(CONFIG_OPTION.name), readTextFile: io.readTextFile, env: io.env };
}
