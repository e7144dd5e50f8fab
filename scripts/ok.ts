// deno-lint-ignore-file no-console -- a script speaks to the terminal

/**
 * The whole gate: format, lint, types, documentation comments, their examples, and all tests (unless `--no-tests`). Stops
 * at the first step that fails.
 */
const STEPS: readonly (readonly [name: string, ...args: string[]])[] = [
  ["format", "fmt", "--check"],
  ["lint", "lint"],
  ["types", "check", "mod.ts", "lib", "tests", "scripts"],
  ["doc lint", "run", "-A", "scripts/doc_lint.ts"],
  ["doc examples", "test", "-A", "--doc", "--no-check", "lib", "README.md"],
  ...(Deno.args.includes("--no-tests") ? [] : [["tests", "task", "test"] as const]),
];

for (const [name, ...args] of STEPS) {
  console.error(`== ${name}`);
  const { success } = await new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" })
    .output();
  if (!success) {
    console.error(`${name} failed`);
    Deno.exit(1);
  }
}
