import { type Random, randomId } from "../../base/random.ts";
import type { StateDirectory } from "../state_directory.ts";

const PREFIX = "workers-";

/** A folder that is removed when it is disposed of. */
export interface SocketFolder extends AsyncDisposable {
  /** Where it is. */
  readonly path: string;
}

/**
 * Makes the folder of the sockets of the workers, for the owner only. Its name is another each time: workers of a supervisor
 * that was killed may be there a little longer, and remove their sockets at their end. What such ones left is removed.
 */
export async function makeSocketFolder(state: StateDirectory, random: Random): Promise<SocketFolder> {
  for await (const { name, isDirectory } of Deno.readDir(state.path)) {
    if (isDirectory && name.startsWith(PREFIX)) await remove(state.file(name));
  }
  // Short: the path of a Unix socket has room for about a hundred bytes.
  const path = state.file(PREFIX + randomId(random, 4));
  await Deno.mkdir(path, { mode: 0o700 });
  return { path, [Symbol.asyncDispose]: () => remove(path) };
}

async function remove(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
}
