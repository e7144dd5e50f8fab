import type { EdgeBindings, HttpEnv } from "./env.ts";

/** What the edge knows of a request, for its bindings. */
export type RequestFacts = Omit<EdgeBindings, "takeOver" | "forward">;

/**
 * A request, as far as deciding on it and forwarding it look at it: the context of the application is one, and so is what
 * stands in for it when a request is forwarded without the application.
 */
export interface RequestContext {
  /** What the edge knows. */
  readonly env: RequestFacts;
  /** Host and port of its URL, when they are known already. */
  readonly site?: URL;
  /** What the caller says. */
  readonly req: {
    /** As received. */
    readonly method: string;
    /** Normalized. */
    readonly url: string;
    /** As routes are found by it. */
    readonly path: string;
    /** The value of a field; those of several of the same name joined by `, `. */
    header(name: string): string | undefined;
    /** The same fields in another way. */
    readonly raw: { readonly headers: RequestFields };
  };
  /** What is known of the request so far. */
  get<Key extends keyof HttpEnv["Variables"]>(key: Key): HttpEnv["Variables"][Key];
  /** Adds to that. */
  set<Key extends keyof HttpEnv["Variables"]>(key: Key, value: HttpEnv["Variables"][Key]): void;
}

/** The URL of a request, as far as its host and its port go. */
export function siteOf(c: RequestContext): URL {
  return c.site ?? new URL(c.req.url);
}

/** The header fields of a request, names in lower case. */
export interface RequestFields extends Iterable<[name: string, value: string]> {
  /** The value of a field; those of several of the same name joined by `, `. */
  get(name: string): string | null;
}
