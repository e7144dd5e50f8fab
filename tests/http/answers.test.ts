import { describe, expect, it } from "vitest";
import { preferredType } from "../../lib/http/answers.tsx";

describe("preferredType()", () => {
  it.each([
    [undefined, "text"],
    ["", "text"],
    ["*/*", "text"],
    ["text/html", "html"],
    ["TEXT/HTML", "html"],
    ["application/xhtml+xml", "html"],
    ["application/json", "json"],
    ["application/problem+json", "json"],
    ["text/plain", "text"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"],
    ["application/json, text/html", "json"],
    ["application/json;q=0.5, text/html;q=0.9", "html"],
    ["text/html;q=0.1, text/plain;q=0.2, application/json;q=0.3", "json"],
    ["text/plain, text/html", "text"],
    ["text/html;q=0", "text"],
    ["text/html;q=0, application/json", "json"],
    ["text/html;q=no", "text"],
    ["text/html; charset=utf-8; q=0.4, application/json; q=0.5", "json"],
    ["image/png, application/json", "json"],
    ["image/png", "text"],
    [",;,;q=1", "text"],
    [`${"image/png,".repeat(200)}text/html`, "text"],
  ])("of Accept %j is %s", (accept, type) => {
    expect(preferredType(accept)).toBe(type);
  });
});
