import { type Alias, type Document, isAlias, isMap, isSeq, type Node, visit, type YAMLMap } from "yaml";
import { quote } from "./_quote.ts";
import type { YamlProblem } from "./_yaml_problem.ts";
import { keyOf } from "./_yaml_tree.ts";

const MAX_ALIASES = 10_000;

/** What the names in a document refer to. */
export interface References {
  /** What each alias stands for. */
  readonly targets: ReadonlyMap<Alias, Node>;
  /** Where the first alias stands; 0 when there is none. */
  readonly firstAlias: number;
}

/** Finds what each alias stands for, and adds what is wrong with them, and keys that stand twice, to `problems`. */
export function checkReferences(document: Document.Parsed, problems: YamlProblem[]): References {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  let firstAlias: number | null = null;
  visit(document, {
    Alias(_, alias) {
      firstAlias ??= offsetOf(alias);
      const target = anchors.get(alias.source);
      const fault = targets.size >= MAX_ALIASES
        ? `There are more than ${MAX_ALIASES} aliases`
        : aliasFault(alias, target);
      if (fault === null) targets.set(alias, target!);
      else problems.push(problem("config/bad-alias", { message: fault, offset: offsetOf(alias) }));
      return targets.size >= MAX_ALIASES && fault !== null ? visit.BREAK : undefined;
    },
    Pair(_, pair) {
      if (keyOf(pair) !== "<<" || isMergeable(pair.value, anchors)) return;
      const message = "What is merged by << must be a mapping, or a list of mappings";
      problems.push(problem("config/wrong-type", { message, offset: offsetOf(pair.key as Node) }));
    },
    Value(_, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      if (isMap(node)) checkKeys(node, problems);
    },
  });
  return { targets, firstAlias: firstAlias ?? 0 };
}

function isMergeable(value: unknown, anchors: ReadonlyMap<string, Node>): boolean {
  const node = isAlias(value) ? anchors.get(value.source) : value;
  const sources = isSeq(node) ? node.items : [node];
  return sources.every((source) => isMap(isAlias(source) ? anchors.get(source.source) : source));
}

function aliasFault(alias: Alias, target: Node | undefined): string | null {
  if (target === undefined) return `No anchor ${quote(alias.source)} stands before this alias`;
  // An anchor whose end lies behind the alias contains it.
  return (target.range?.[1] ?? 0) > offsetOf(alias) ? "This alias stands inside of what it stands for" : null;
}

function checkKeys(map: YAMLMap, problems: YamlProblem[]): void {
  const seen = new Set<string>();
  for (const pair of map.items) {
    const key = keyOf(pair);
    if (key === null) continue;
    if (seen.has(key)) {
      const offset = offsetOf(pair.key as Node);
      const message = `The key ${quote(key)} stands twice in the same mapping`;
      problems.push(problem("config/duplicate-key", { message, offset, hint: "keep one of them" }));
    }
    seen.add(key);
  }
}

function problem(
  code: YamlProblem["code"],
  rest: { message: string; offset: number; hint?: string },
): YamlProblem {
  return { severity: "error", code, hint: null, ...rest };
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}
