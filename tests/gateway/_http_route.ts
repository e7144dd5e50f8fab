import { expect } from "vitest";
import type { SeenRequest } from "../_support/http_service.ts";
import { sendRaw } from "../_support/raw_http.ts";
import type { TestGateway } from "../_support/test_gateway.ts";

/** Lets everyone in. */
export const PUBLIC = "allow_public_unauthenticated_access: true";
/** Lets everyone in who has signed in. */
export const SIGNED_IN = "allow_any_authenticated_user: true";

/** A route from app.test to a service, with more keys. */
export function routeTo(url: string, more = PUBLIC): string {
  return `routes:\n${route(url, more)}`;
}

/** An entry of `routes`. */
export function route(url: string | null, more = PUBLIC): string {
  const to = url === null ? "" : `    to: ${url}\n`;
  return `  - from: https://app.test\n${to}    ${more.replaceAll("\n", "\n    ")}\n`;
}

/** A request as it is written here to the host of the route, after which the gateway shall close. */
export async function ask(
  gateway: TestGateway,
  path: string,
  options: { method?: string; fields?: Readonly<Record<string, string>>; body?: string } = {},
) {
  const { method = "GET", fields = {}, body = "" } = options;
  const length = body === "" ? {} : { "Content-Length": String(body.length) };
  const lines = Object.entries({ Host: "app.test", Connection: "close", ...length, ...fields });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return await sendRaw(gateway, `${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`);
}

/** What the service behind the route saw of a request, its header fields by name in lower case. */
export async function seen(...args: Parameters<typeof ask>) {
  const answer = await ask(...args);
  expect(answer.status).toBe(200);
  const json = answer.body.split("\r\n").find((line) => line.startsWith("{")) ?? "";
  const request = JSON.parse(json) as SeenRequest;
  const fields: Record<string, string> = {};
  request.headers.forEach((name, i) => {
    if (i % 2 === 0) fields[name.toLowerCase()] = request.headers[i + 1]!;
  });
  return { ...request, fields, answer };
}
