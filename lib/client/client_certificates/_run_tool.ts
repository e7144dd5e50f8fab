/** A program of the system that may take no longer than this. */
const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 1_048_576;

/** Runs a program of the system without input. @returns what it printed; `null` when it is missing, fails, or hangs */
export async function runTool(program: string, args: readonly string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      // Its answers are read by a program.
      env: { LC_ALL: "C" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    return success && stdout.length <= MAX_OUTPUT_BYTES ? new TextDecoder().decode(stdout) : null;
  } catch {
    return null;
  }
}
