import { SallyportError } from "../base/errors.ts";

/** Why a URL cannot stand in `from` or `to`. */
export type RouteUrlErrorCode =
  | "route-url/not-a-url"
  | "route-url/too-long"
  | "route-url/scheme"
  | "route-url/userinfo"
  | "route-url/query"
  | "route-url/path"
  | "route-url/authority"
  | "route-url/wildcard"
  | "route-url/too-many"
  | "route-url/weight";

/** A URL of a route is not one that a route can have. */
export class RouteUrlError extends SallyportError {
  /** A fault of the rule `code`. @param message what was found; @param options `hint`: what to write instead */
  constructor(
    readonly code: RouteUrlErrorCode,
    message: string,
    options: { hint?: string | undefined } = {},
  ) {
    super(message, options);
  }
}
