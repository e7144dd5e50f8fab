import type { RouteProtocol } from "./config.ts";
import type { ValueType } from "./value_type.ts";

/** The routes on which a key means something, by protocol; `null`: all of them. */
export type Scope = readonly RouteProtocol[] | null;

/** A key that this version acts on. */
export interface ServedKey<out T> {
  /** Told apart from the keys that are not served. */
  readonly status: "served";
  /** How its value is read. */
  readonly type: ValueType<T>;
  /** What an absent key, or one without a value, stands for; written as in the file. `null`: not set. */
  readonly absent: unknown;
  /** What it is for, for people; code in backquotes. */
  readonly description: string;
  /** A value that no message and no excerpt may show. */
  readonly isSecret: boolean;
  /** Where it means something. */
  readonly protocols: Scope;
}

/** A key that this version does not act on. */
export type UnservedKey =
  /** Accepted, with a warning that it has no effect. */
  | { readonly status: "not-yet"; readonly protocols: Scope }
  /** Accepted, with a warning that says why there is nothing for it to do. */
  | { readonly status: "pointless"; readonly because: string }
  /** Refused: it keeps callers out, so that to ignore it would let them in. */
  | { readonly status: "unenforced" }
  /** Refused: it means nothing any more. `instead`: what to use, as a hint. */
  | { readonly status: "removed"; readonly instead: string };

/** The keys of one kind of mapping, by name. */
export type KeyTable = Readonly<Record<string, ServedKey<unknown> | UnservedKey>>;

/** What the served keys of a table are read to. */
export type Values<Table extends KeyTable> = {
  readonly [Key in keyof Table as Table[Key] extends UnservedKey ? never : Key]: Table[Key] extends
    ServedKey<infer T> ? T : never;
};

/** What a served key is made of; see {@link ServedKey}. */
export interface KeyOptions<T> {
  /** How its value is read. */
  readonly type: ValueType<T>;
  /** What it is for. */
  readonly description: string;
  /** Default false. */
  readonly isSecret?: boolean;
  /** Default `null`: every route. */
  readonly protocols?: Scope;
}

/** A served key with a default. @param key `absent`: the default, written as in the file */
export function served<T>(key: KeyOptions<T> & { readonly absent: unknown }): ServedKey<T> {
  return { status: "served", isSecret: false, protocols: null, ...key };
}

/** A served key that is `null` when it is absent. */
export function optional<T>(key: KeyOptions<T>): ServedKey<T | null> {
  return { status: "served", absent: null, isSecret: false, protocols: null, ...key };
}

/** A key that is accepted and has no effect. */
export const notYet: UnservedKey & { readonly status: "not-yet" } = { status: "not-yet", protocols: null };

/** A key of routes of these protocols that is accepted and has no effect. */
export function notYetFor(...protocols: RouteProtocol[]): UnservedKey & { readonly status: "not-yet" } {
  return { status: "not-yet", protocols };
}

/** A key that is accepted and never has an effect. @param because goes on after `has no effect: ` */
export function pointless(because: string): UnservedKey & { readonly status: "pointless" } {
  return { status: "pointless", because };
}

/** A key that is refused because to ignore it would let callers in whom it keeps out. */
export const unenforced: UnservedKey & { readonly status: "unenforced" } = { status: "unenforced" };

/** A key that is refused because it means nothing any more. @param instead what to use */
export function removed(instead: string): UnservedKey & { readonly status: "removed" } {
  return { status: "removed", instead };
}
