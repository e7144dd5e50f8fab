import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };
import { ENVIRONMENT_PREFIX, environmentKeys } from "../config/environment.ts";
import type { StartWorker, WorkerProcess } from "../gateway/workers/worker_process.ts";

/** What of the file system processes of this program use. Each gets what this one may of it, and no more. */
export interface OwnPaths {
  /** Files, folders and sockets that are read. */
  readonly read: readonly string[];
  /** Those that are written. */
  readonly write: readonly string[];
}

/** A pipe holds twice as much; who writes more waits. */
const MUCH_BYTES = 32 * 1024;
const GATHER_MS = 5;

/** Variables of the environment that packages look up; what the configuration takes from it is handed on as it was read. */
const OF_PACKAGES = manifest.permissions.default.env.filter((name) =>
  !name.startsWith(ENVIRONMENT_PREFIX) && !environmentKeys.some((key) => key.name === name)
);

/**
 * Prepares to start this program again, with the permissions that this process has, but for that to run programs.
 *
 * @returns `null` when this process may not start it
 */
export async function ownProcess(args: readonly string[], paths: OwnPaths): Promise<StartWorker | null> {
  const program = await ownProgram();
  if (program === null) return null;
  const flags = ["run", "--quiet", "--no-prompt", "--unstable-net", ...await permissionFlags(paths)];
  const command = [...flags, mainModule(), ...args];
  return () => spawn(program, command);
}

/** By its path, or by its name where only that is permitted; `null`: neither is. */
async function ownProgram(): Promise<string | null> {
  for (const command of [Deno.execPath(), "deno"]) {
    if (await isGranted({ name: "run", command })) return command;
  }
  return null;
}

function mainModule(): string {
  const { mainModule: url } = Deno;
  return url.startsWith("file:") ? fileURLToPath(url) : url;
}

async function permissionFlags({ read, write }: OwnPaths): Promise<string[]> {
  const isNameGranted = await Promise.all(
    OF_PACKAGES.map((variable) => isGranted({ name: "env", variable })),
  );
  const everywhere = [Deno.cwd(), dirname(mainModule())];
  return [
    ...await isGranted({ name: "net" }) ? ["--allow-net"] : [],
    ...await isGranted({ name: "env" })
      ? ["--allow-env"]
      : listFlag("--allow-env", OF_PACKAGES.filter((_, index) => isNameGranted[index])),
    ...await pathFlag("read", [...everywhere, ...read]),
    ...await pathFlag("write", write),
  ];
}

async function pathFlag(name: "read" | "write", paths: readonly string[]): Promise<string[]> {
  if (await isGranted({ name })) return [`--allow-${name}`];
  const granted = new Set<string>();
  for (const path of paths) {
    const top = await highestGranted(name, resolve(path));
    if (top !== null) granted.add(top);
  }
  return listFlag(`--allow-${name}`, [...granted]);
}

/** The path, or the highest folder that it is in, that is permitted; `null` when nothing is. */
async function highestGranted(name: "read" | "write", path: string): Promise<string | null> {
  let found: string | null = null;
  for (let at = path;; at = dirname(at)) {
    if (await isGranted({ name, path: at })) found = at;
    if (dirname(at) === at) return found;
  }
}

/** A comma in a path is written twice. */
function listFlag(flag: string, values: readonly string[]): string[] {
  return values.length === 0
    ? []
    : [`${flag}=${values.map((value) => value.replaceAll(",", ",,")).join(",")}`];
}

async function isGranted(descriptor: Deno.PermissionDescriptor): Promise<boolean> {
  return (await Deno.permissions.query(descriptor)).state === "granted";
}

/** Lets a little come together before it is looked at: a line at a time costs many times as much. */
async function* gathered(output: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of output) {
    yield chunk;
    if (chunk.length < MUCH_BYTES) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
  }
}

function spawn(program: string, args: string[]): WorkerProcess {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "inherit" })
    .spawn();
  const writer = child.stdin.getWriter();
  const encoder = new TextEncoder();
  const hangUp = () => void writer.close().catch(() => {});
  return {
    output: gathered(child.stdout),
    ended: child.status.then(({ code, signal }) => ({ code, signal })),
    write: (text) => void writer.write(encoder.encode(text)).catch(() => {}),
    hangUp,
    kill() {
      hangUp();
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
    },
  };
}
