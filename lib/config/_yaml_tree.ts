import {
  type Alias,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
} from "yaml";

/** Where in a document something stands: keys and list positions, outermost first. */
export type Path = readonly (string | number)[];

/** A stretch of the text, in UTF-16 code units from its start. */
export interface Span {
  readonly start: number;
  /** Only known for keys. */
  readonly end?: number;
}

/** What a {@link YamlTree} is made of. */
export interface YamlParts {
  readonly lines: LineCounter;
  /** The root; `null` when the document is empty. */
  readonly root: Node | null;
  /** What each alias stands for; none of them contains the alias. */
  readonly targets: ReadonlyMap<Alias, Node>;
  /** The document as plain data; `undefined` when a problem kept it from being read. */
  readonly data: unknown;
}

interface Child {
  readonly key: unknown;
  readonly value: unknown;
}

/** A YAML document as plain data, with the place of everything in it. */
export class YamlTree {
  /** The document as plain data; `undefined` when a problem kept it from being read. */
  readonly data: unknown;
  readonly #parts: YamlParts;

  constructor(parts: YamlParts) {
    this.data = parts.data;
    this.#parts = parts;
  }

  /** The line of an offset, and how far it is from the start of the line in UTF-16 code units; both from 1. */
  linePos(offset: number): { line: number; col: number } {
    return this.#parts.lines.linePos(offset);
  }

  /** Where the key or the value at `path` stands; where there is no such thing, the nearest thing around it. */
  locate(path: Path, at: "key" | "value"): Span {
    let node: unknown = this.#parts.root;
    let span: Span = { start: startOf(node) ?? 0 };
    for (const [index, step] of path.entries()) {
      const child = this.#child(this.#resolved(node), step);
      if (child === null) return span;
      if (at === "key" && index === path.length - 1 && isScalar(child.key) && child.key.range) {
        return { start: child.key.range[0], end: child.key.range[1] };
      }
      span = { start: startOf(child.value) ?? startOf(child.key) ?? span.start };
      node = child.value;
    }
    return span;
  }

  #child(node: unknown, step: string | number): Child | null {
    if (isSeq(node)) {
      const value = node.items[Number(step)];
      return value === undefined ? null : { key: null, value };
    }
    if (!isMap(node)) return null;
    return node.items.find((pair) => keyOf(pair) === step) ?? this.#mergedChild(node.items, step);
  }

  #mergedChild(pairs: readonly Pair[], step: string | number): Child | null {
    for (const pair of pairs) {
      if (keyOf(pair) !== "<<") continue;
      const merged = this.#resolved(pair.value);
      for (const source of isSeq(merged) ? merged.items : [merged]) {
        const map = this.#resolved(source);
        const child = isMap(map) ? this.#child(map, step) : null;
        if (child !== null) return child;
      }
    }
    return null;
  }

  #resolved(node: unknown): unknown {
    return isAlias(node) ? this.#parts.targets.get(node) : node;
  }
}

/** The key of a pair as text; `null` when it is not a scalar. */
export function keyOf(pair: Pair): string | null {
  return isScalar(pair.key) ? String(pair.key.value) : null;
}

/** Where a node begins; `undefined` for one that stands nowhere, such as the value in `key:`. */
function startOf(node: unknown): number | undefined {
  if (!isNode(node) || !node.range) return undefined;
  return isScalar(node) && node.source === "" && node.type === "PLAIN" ? undefined : node.range[0];
}
