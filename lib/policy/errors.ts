import { SallyportError } from "../base/errors.ts";

/** Where in a document something stands: keys and list positions, outermost first. */
export type PolicyPath = readonly (string | number)[];

/** A node of the document a policy was read from. */
export interface PolicyPlace {
  /** What `path` starts from: the value of `policy:`, or the route, for the shorthands that stand beside it. */
  readonly relativeTo: "policy" | "route";
  /** The steps from there; empty for the whole. */
  readonly path: PolicyPath;
}

/** Why a policy cannot be used. */
export type PolicyErrorCode =
  | "policy/not-an-object"
  | "policy/unknown-action"
  | "policy/unknown-operator"
  | "policy/operator-not-a-list"
  | "policy/criterion-not-one-key"
  | "policy/unknown-criterion"
  | "policy/bad-subpath"
  | "policy/bad-data"
  | "policy/unknown-matcher"
  | "policy/too-large"
  | "policy/shorthand-conflict";

/** A policy, or a shorthand for one, says something that has no meaning. Nothing of it is used. */
export class PolicyError extends SallyportError implements PolicyPlace {
  /** What `path` starts from. */
  readonly relativeTo: "policy" | "route";
  /** The offending node. */
  readonly path: PolicyPath;

  /**
   * A fault of the rule `code`.
   *
   * @param code which rule was broken; @param message what was found
   * @param options `place`: the offending node; `hint`: what to write instead
   */
  constructor(
    readonly code: PolicyErrorCode,
    message: string,
    options: { place: PolicyPlace; hint?: string | undefined },
  ) {
    super(message, { hint: options.hint });
    this.relativeTo = options.place.relativeTo;
    this.path = options.place.path;
  }
}

/** The node `key` of the node `place`. */
export function within(place: PolicyPlace, key: string | number): PolicyPlace {
  return { relativeTo: place.relativeTo, path: [...place.path, key] };
}
