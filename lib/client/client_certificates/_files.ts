import { join } from "node:path";

/** The bytes of a file, or `null` when it cannot be read or is larger than `maxBytes`. */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const { isFile, size } = await Deno.stat(path);
    return isFile && size <= maxBytes ? await Deno.readFile(path) : null;
  } catch {
    return null;
  }
}

/** Names in a folder, in an order that does not depend on anything else; empty when it cannot be read. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
  } catch {
    return [];
  }
}

/** A folder that only its owner can look into, removed when disposed. */
export async function privateFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "sallyport-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Writes a line into a file that only its owner can read. @returns its path */
export async function writeSecret(
  folder: string,
  { name, text }: { name: string; text: string },
): Promise<string> {
  const path = join(folder, name);
  await Deno.writeTextFile(path, `${text}\n`, { mode: 0o600, createNew: true });
  return path;
}
