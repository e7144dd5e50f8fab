import type { Context } from "hono";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** Answers with a page. None of our components is asynchronous, so the markup is at hand at once. */
export function page<Status extends ContentfulStatusCode>(
  c: Context,
  markup: JSX.Element,
  status: Status,
): Response {
  return c.body(`<!doctype html>${markup}`, status, { "content-type": "text/html; charset=utf-8" });
}
