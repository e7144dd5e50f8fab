import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = new URL("..", import.meta.url).pathname;

/** From docs/architecture.md. */
const LEVELS: Readonly<Record<string, number>> = {
  base: 0,
  codec: 1,
  observe: 1,
  carrier: 2,
  pki: 2,
  policy: 2,
  config: 3,
  store: 3,
  identity: 4,
  upstream: 4,
  client: 4,
  tunnel: 5,
  listen: 6,
  http: 6,
  ssh: 6,
  gateway: 7,
  cli: 8,
  desktop: 8,
};

const MAX_LINES = 400;
const EXACT_NPM = /^npm:((?:@[a-z0-9-]+\/)?[a-z0-9._-]+)@(\d+\.\d+\.\d+(?:-[0-9a-z.]+)?)$/;

interface SourceFile {
  /** From the root of the project, such as `lib/base/ip.ts`. */
  readonly path: string;
  readonly text: string;
  /** Without comments and without the contents of texts. */
  readonly code: string;
  /** What it imports, re-exports, or loads as a worker. */
  readonly imports: readonly string[];
}

function sourcesUnder(folder: string): SourceFile[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }): SourceFile[] => {
    const path = `${folder}/${name}`;
    if (isDirectory) return sourcesUnder(path);
    return /\.tsx?$/.test(name) ? [readSource(path)] : [];
  });
}

function readSource(path: string): SourceFile {
  const text = Deno.readTextFileSync(join(ROOT, path));
  const withoutComments = text.replace(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
  const imports = [
    ...withoutComments.matchAll(/^(?:import|export)\b[^;"]*?\bfrom "([^"]+)"/gm),
    ...withoutComments.matchAll(/^import "([^"]+)"/gm),
    ...withoutComments.matchAll(/\bimport\("([^"]+)"\)/g),
    ...withoutComments.matchAll(/\bnew URL\("(\.[^"]+\.tsx?)", import\.meta\.url\)/g),
  ].map((match) => match[1]!);
  const code = withoutComments.replace(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, '""');
  return { path, text, code, imports };
}

/** The file that a relative import names. */
function target(file: SourceFile, specifier: string): string {
  return normalize(join(dirname(file.path), specifier));
}

/** The version stands there, and nowhere else. */
const PROJECT_FILE = "deno.json";

const roomOf = (path: string) => path.split("/")[1]!;
const isRelative = (specifier: string) => specifier.startsWith(".");

const sources = sourcesUnder("lib");
const everything = [...sources, ...sourcesUnder("tests"), ...sourcesUnder("scripts"), readSource("mod.ts")];
const project: { imports: Record<string, string> } = JSON.parse(
  Deno.readTextFileSync(join(ROOT, "deno.json")),
);

/** Each import for which `isWrong` holds, as `file -> specifier`. */
function offenders(files: readonly SourceFile[], isWrong: (file: SourceFile, specifier: string) => boolean) {
  return files.flatMap((file) =>
    file.imports.filter((specifier) => isWrong(file, specifier)).map((specifier) =>
      `${file.path} -> ${specifier}`
    )
  );
}

describe("every room in lib/", () => {
  it("is one that the plan names", () => {
    expect([...new Set(sources.map(({ path }) => roomOf(path)))].filter((room) => !(room in LEVELS))).toEqual(
      [],
    );
    const plan = Deno.readTextFileSync(join(ROOT, "docs/architecture.md"));
    const planned = [...plan.matchAll(/^ {4}(\d) {2}(\w+)\/ /gm)].map((
      [, level, room],
    ) => [room, Number(level)]);
    expect(Object.fromEntries(planned)).toEqual(LEVELS);
  });

  it("imports from itself and from lower levels only", () => {
    expect(sources.filter(({ imports }) => imports.length > 0).length).toBeGreaterThan(50);
    expect(offenders(sources, (file, specifier) => {
      if (!isRelative(specifier)) return false;
      const path = target(file, specifier);
      if (!path.startsWith("lib/")) return path !== PROJECT_FILE;
      const [from, to] = [roomOf(file.path), roomOf(path)];
      return from !== to && !(LEVELS[to]! < LEVELS[from]!);
    })).toEqual([]);
  });
});

describe("every import", () => {
  it("of a _name.ts stays within its folder, and the tests of that folder", () => {
    expect(offenders(everything, (file, specifier) => {
      if (!isRelative(specifier) || !/\/_[^/]+$/.test(specifier)) return false;
      // The tests of one room may lend their helpers to those of another.
      if (file.path.startsWith("tests/") && target(file, specifier).startsWith("tests/")) return false;
      return dirname(target(file, specifier)) !== dirname(file.path).replace(/^tests\//, "lib/");
    })).toEqual([]);
  });

  it("names a file, a module of the platform, or a package of deno.json", () => {
    const packages = Object.keys(project.imports);
    expect(offenders(everything, (file, specifier) => {
      if (isRelative(specifier)) {
        return !/\.tsx?$/.test(specifier) && target(file, specifier) !== PROJECT_FILE;
      }
      if (/^node:[a-z0-9_/]+$/.test(specifier)) return false;
      return !packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
    })).toEqual([]);
  });
});

describe("every file in lib/", () => {
  it("is named after what it holds: no index.ts, snake_case", () => {
    const names = sources.map(({ path }) => path.split("/").at(-1)!);
    expect(names.filter((name) => /^index\./.test(name) || !/^_?[a-z][a-z0-9_]*\.tsx?$/.test(name))).toEqual(
      [],
    );
  });

  it("is no barrel: it does not pass on everything of another, nor a part of several", () => {
    const reExports = (text: string) => [...text.matchAll(/^export (?:type )?(\*|\{)[^;]*?\bfrom\b/gm)];
    const barrels = sources.filter(({ code }) => {
      const found = reExports(code);
      return found.length > 1 || found.some((match) => match[1] === "*");
    });
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });

  it("does without the type any", () => {
    const found = sources.filter(({ code }) => /(?:[:<|&,(=]|\bas|\bextends)\s*any\b(?!\s*[(:])/.test(code));
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it(`has at most ${MAX_LINES} lines, or says why not`, () => {
    const long = sources.filter(({ text }) => text.split("\n").length > MAX_LINES + 1);
    expect(
      long.filter(({ text }) => !text.includes("This file is long because")).map(({ path }) => path),
    ).toEqual([]);
  });
});

describe("every dependency in deno.json", () => {
  it.each(Object.entries(project.imports))(
    "%s is pinned to an exact version, from npm: %s",
    (name, specifier) => {
      expect(EXACT_NPM.exec(specifier)?.[1]).toBe(name);
    },
  );

  it.each(Object.keys(project.imports))("%s has a line in docs/dependencies.md", (name) => {
    const lines = Deno.readTextFileSync(join(ROOT, "docs/dependencies.md")).split("\n");
    expect(lines.some((line) => line.includes(`\`${name}\``) || line.includes(`\`${name}@`))).toBe(true);
  });
});
