import { delimiter, join } from "node:path";

/**
 * Whether a program that others wrote is there to be tested against. Use as
 * `it.skipIf(!requirePeer("openssl"))("...")`.
 *
 * @param command name of the program, looked up on PATH
 * @throws {Error} when it is missing and `REQUIRE_PEERS=1`
 */
export function requirePeer(command: string): boolean {
  const found = hasPeer(command);
  if (!found && Deno.env.get("REQUIRE_PEERS") === "1") {
    throw new Error(`REQUIRE_PEERS=1, and ${command} is not on PATH`);
  }
  // deno-lint-ignore no-console
  if (!found) console.warn(`skipping the tests against ${command}: it is not on PATH`);
  return found;
}

/** As {@link requirePeer}, for a module of Python. */
export function requirePythonModule(name: string): boolean {
  const found = hasPeer("python3") &&
    new Deno.Command("python3", { args: ["-c", `import ${name}`] }).outputSync().success;
  if (!found && Deno.env.get("REQUIRE_PEERS") === "1") {
    throw new Error(`REQUIRE_PEERS=1, and Python has no module ${name}`);
  }
  // deno-lint-ignore no-console
  if (!found) console.warn(`skipping the tests against ${name}: Python has no such module`);
  return found;
}

/** Whether a program is on PATH, for peers that `.ci/run` does not install. */
export function hasPeer(command: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(delimiter).some((folder) =>
    folder !== "" && isExecutable(join(folder, command))
  );
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
