import { Composer, type CST, type Document, Lexer, LineCounter, Parser, type YAMLError } from "yaml";
import { errorMessage } from "../base/errors.ts";
import { shorten } from "./_quote.ts";
import { checkReferences } from "./_yaml_references.ts";
import type { YamlProblem } from "./_yaml_problem.ts";
import { YamlTree } from "./_yaml_tree.ts";

/** The most tokens of the syntax that may be open at once, about two for each level of nesting. */
const MAX_OPEN_TOKENS = 200;
/** The most tokens of the syntax; each takes some hundred bytes of memory. */
const MAX_TOKENS = 3_000_000;
/** The most copies of one node that aliases within aliases may stand for. */
const MAX_ALIAS_COUNT = 10_000;

const ONE_DOCUMENT = "keep one document, and remove the line that separates it from the next";
const HINTS: Partial<Record<YAMLError["code"], string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BLOCK_AS_IMPLICIT_KEY:
    'put a value that contains ": " in quotes, or begin a new line after the first colon',
  BAD_INDENT: "indent the keys of one mapping by the same number of spaces",
};

/** Reads YAML 1.2 with merge keys. Keys are texts and unique; nesting, aliases and their expansion are bounded. */
export function parseYaml(text: string): { tree: YamlTree; problems: readonly YamlProblem[] } {
  const lines = new LineCounter();
  const { document, problems } = composeOne(text, lines);
  const { targets, firstAlias } = checkReferences(document, problems);
  let data: unknown;
  if (!problems.some((problem) => problem.severity === "error")) {
    try {
      data = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
    } catch (error) {
      problems.push(conversionProblem(error, firstAlias));
    }
  }
  return { tree: new YamlTree({ lines, root: document.contents, targets, data }), problems };
}

function composeOne(
  text: string,
  lines: LineCounter,
): { document: Document.Parsed; problems: YamlProblem[] } {
  const problems: YamlProblem[] = [];
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false, merge: true, stringKeys: true });
  const tokens = boundedTokens(text, {
    onNewLine: lines.addNewLine,
    onBound: (bound) => problems.push({ severity: "error", hint: null, ...bound }),
  });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) {
    throw new TypeError("A composer that is forced to yield a document yielded none");
  }
  // What follows from the cut at the bound is not worth a word.
  if (problems.length > 0) return { document, problems };
  // One by one: there may be more of them than a call takes arguments.
  for (const fault of document.errors) problems.push(problemOf(fault, "error"));
  for (const fault of document.warnings) problems.push(problemOf(fault, "warning"));
  if (second !== undefined) problems.push(secondDocument(second));
  return { document, problems };
}

type Bound = Pick<YamlProblem, "code" | "message" | "offset">;

/** The tokens of the text, up to the place where there are too many of them, or too many are open at once. */
function* boundedTokens(
  text: string,
  on: { onNewLine: (offset: number) => void; onBound: (bound: Bound) => void },
): Generator<CST.Token> {
  const parser = new Parser(on.onNewLine);
  on.onNewLine(0);
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    const { offset } = parser;
    if (parser.stack.length > MAX_OPEN_TOKENS) {
      return on.onBound({ code: "config/too-deep", message: "This is nested too deeply", offset });
    }
    if (++count > MAX_TOKENS) {
      const message = `The file has more than ${MAX_TOKENS} words and marks`;
      return on.onBound({ code: "config/too-large", message, offset });
    }
  }
  yield* parser.end();
}

function problemOf(fault: YAMLError, severity: YamlProblem["severity"]): YamlProblem {
  return {
    severity,
    code: severity === "error" ? "config/yaml-syntax" : "config/yaml-tag",
    // Some messages go on with what was found, which may be a secret, or megabytes.
    message: shorten(fault.message.replace(/: ".*$/s, ""), 200),
    hint: HINTS[fault.code] ?? null,
    offset: fault.pos[0],
  };
}

function conversionProblem(error: unknown, firstAlias: number): YamlProblem {
  if (error instanceof ReferenceError) {
    return {
      severity: "error",
      code: "config/alias-bomb",
      message: "The aliases stand for more than this file may hold",
      hint: "use fewer aliases inside of what other aliases stand for",
      offset: firstAlias,
    };
  }
  const message = `The file cannot be read: ${shorten(errorMessage(error), 200)}`;
  return { severity: "error", code: "config/yaml-syntax", message, hint: null, offset: 0 };
}

function secondDocument(document: Document.Parsed): YamlProblem {
  return {
    severity: "error",
    code: "config/yaml-syntax",
    message: "The file holds a second document",
    hint: ONE_DOCUMENT,
    offset: document.range[0],
  };
}
