import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Explanation } from "../policy/explain.ts";
import { formatExplanation } from "../policy/format_explanation.ts";
import type { HttpEnv } from "./env.ts";
import { grpcStatusOf, isGrpc } from "./forward/grpc.ts";
import { writeResponse } from "./forward/write_response.ts";
import { ErrorPage } from "./pages/error_page.tsx";
import { page } from "./pages/render.ts";
import { type AnswerCode, STATUS } from "./status.ts";

/** More to say in an answer. */
export interface AnswerOptions {
  /** Where to go, for a 302. */
  readonly location?: string;
  /** For a person, beside the title: what was found. Never a secret. */
  readonly detail?: string | undefined;
  /** Why the policy refused, for a route that shows it. */
  readonly explanation?: Explanation | undefined;
  /** More header fields. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Answers with the row of the status table: a page for browsers, JSON for those who accept it, one line of text for
 * everybody else. The request id ties it to the log.
 */
export function refuse(c: Context<HttpEnv>, code: AnswerCode, options: AnswerOptions = {}): Response {
  const { status, proxyError, title } = STATUS[code];
  const requestId = c.get("requestId");
  c.header("proxy-status", `sallyport; error=${proxyError}`);
  c.header("x-pomerium-intercepted-response", "true");
  c.header("cache-control", "no-store");
  if (status === 401) c.header("www-authenticate", 'Bearer realm="sallyport"');
  for (const [name, value] of Object.entries(options.headers ?? {})) c.header(name, value);
  if (isGrpc(c.req.header("content-type"))) return grpcAnswer(c, status, title);
  if (status === 302) return c.redirect(options.location ?? "/.pomerium/", 302);
  // Hono does not know 450 and 495, which existing clients do.
  const known = status as ContentfulStatusCode;
  const text = options.detail === undefined ? title : `${title} ${options.detail}`;
  const { explanation } = options;
  switch (c.env.connectTarget === null ? preferredType(c.req.header("accept")) : "text") {
    case "html":
      return page(c, <ErrorPage {...{ code, status, text, requestId, explanation }} />, known);
    case "json":
      return c.json({ error: text, request_id: requestId, explanation }, known);
    case "text": {
      const why = explanation === undefined ? "" : `\n${formatExplanation(explanation)}`;
      return c.text(`${text}${why}\nrequest id: ${requestId}\n`, known);
    }
  }
}

/** Status and text where gRPC looks for them: in a head that is also the end. */
function grpcAnswer(c: Context<HttpEnv>, status: number, title: string): Response {
  const headers = { "grpc-status": String(grpcStatusOf(status)), "grpc-message": encodeURIComponent(title) };
  const answer = c.body(null, 200, { "content-type": "application/grpc", ...headers });
  c.env.forward((exchange) => writeResponse(exchange, answer));
  return answer;
}

/** What a client that sends this `Accept` (RFC 9110 section 12.5.1) wants an error to look like. */
export function preferredType(accept: string | undefined): "html" | "json" | "text" {
  const wanted = (accept ?? "").slice(0, 1000).split(",").map((part) => {
    const [type = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    return { type, weight: weight === undefined ? 1 : Number(weight) || 0 };
  }).filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  for (const { type } of wanted) {
    if (type === "text/html" || type === "application/xhtml+xml") return "html";
    if (type === "application/json" || type.endsWith("+json")) return "json";
    if (type === "text/plain") return "text";
  }
  return "text";
}
