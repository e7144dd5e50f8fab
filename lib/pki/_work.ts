import { PathError } from "./path_error.ts";

/** How much one validation may do, however the certificates are made. */
export interface WorkLimits {
  readonly signatures: number;
  /** Places visited in the search for a path. */
  readonly steps: number;
  /** Of a name with a name constraint, or of policies. */
  readonly comparisons: number;
}

/** What is left of the work that one validation may do. */
export class Work {
  readonly #left: Record<keyof WorkLimits, number>;

  /** All of `limits` is left. */
  constructor(limits: WorkLimits) {
    this.#left = { ...limits };
  }

  /** Takes `count` from what is left. @throws {PathError} `pki/path-too-much-work` */
  spend(kind: keyof WorkLimits, count = 1): void {
    this.#left[kind] -= count;
    if (this.#left[kind] >= 0) return;
    const found = `needs more ${kind} than one validation may take`;
    throw new PathError("pki/path-too-much-work", found, { certificate: null, index: 0, section: "6.1" });
  }
}
