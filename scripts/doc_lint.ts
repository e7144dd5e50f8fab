// deno-lint-ignore-file no-console -- a script speaks to the terminal

/**
 * Checks the documentation comments of the library: `deno doc --lint` over all its public files at once, so that a type of
 * one room is public to the others. A reference to a type of a package is no error here: `deno doc` cannot see that it is
 * public there. Prints one line for each error.
 */

/** One error of `deno doc --lint`. */
interface Problem {
  readonly kind: string;
  readonly message: string;
  /** `file:line`, relative to the repository. */
  readonly place: string;
  /**
   * The first line of the private type, as number and text; `null` for other kinds. The output does not say in which file
   * it stands.
   */
  readonly declaration: { readonly line: number; readonly text: string } | null;
}

const HEAD = /^error\[([\w-]+)\]: (.*)\n\s*--> (.+?:\d+):\d+$/m;
const DECLARATION = /^\s*(\d+) \| (.*)\n\s*\| *-+ this is the referenced type$/m;

const files = sourceFiles("lib");
const publicFiles = files.filter((path) => !/\/_[^/]*$/.test(path));
const { success, stderr } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", "mod.ts", ...publicFiles],
  env: { NO_COLOR: "1" },
  stdout: "null",
  stderr: "piped",
}).output();
const report = new TextDecoder().decode(stderr);
const problems = readProblems(report);
const announced = Number(/^error: Found (\d+) documentation lint error/m.exec(report)?.[1] ?? 0);
if (announced !== problems.length || success !== (announced === 0)) {
  console.error(report);
  console.error("The output of `deno doc --lint` was not understood");
  Deno.exit(1);
}

const sources = files.map((path) => Deno.readTextFileSync(path).split("\n"));
const ours = problems.filter(({ declaration }) =>
  declaration === null || sources.some((lines) => lines[declaration.line - 1] === declaration.text)
);
for (const { place, kind, message } of ours) console.error(`${place} ${kind}: ${message}`);
if (ours.length > 0) Deno.exit(1);

function readProblems(report: string): Problem[] {
  return report.split(/^(?=error\[)/m).flatMap((block) => {
    const [, kind, message, path] = HEAD.exec(block) ?? [];
    if (kind === undefined || message === undefined || path === undefined) return [];
    const [, line, text] = DECLARATION.exec(block) ?? [];
    const declaration = line === undefined || text === undefined ? null : { line: Number(line), text };
    return [{ kind, message, place: path.replace(`${Deno.cwd()}/`, ""), declaration }];
  });
}

function sourceFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? sourceFiles(path) : /\.tsx?$/.test(name) ? [path] : [];
  }).sort();
}
