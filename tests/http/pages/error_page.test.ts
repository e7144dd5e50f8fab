import { describe, expect, it } from "vitest";
import { ErrorPage } from "../../../lib/http/pages/error_page.tsx";
import { type AnswerCode, STATUS } from "../../../lib/http/status.ts";
import { compilePolicy } from "../../../lib/policy/compile.ts";
import { explain } from "../../../lib/policy/explain.ts";
import { parsePolicy } from "../../../lib/policy/parse.ts";
import { attributesOf, elementsOf, MARKUP, textOf } from "./_markup.ts";

function explanationFor(text: string) {
  const policy = compilePolicy(parsePolicy([{ allow: { and: [{ email: { is: text } }] } }]), {});
  const session = { sessionId: "s", userId: "u", email: `${text}!`, groups: [text], claims: {} };
  return explain(policy, { routeId: "r", now: 0, sourceIp: "192.0.2.7", session });
}

function denial(text: string): string {
  return String(ErrorPage({
    code: "http/denied",
    status: 403,
    text,
    requestId: text,
    explanation: explanationFor(text),
  }));
}

describe("ErrorPage()", () => {
  it.each(Object.entries(STATUS).map(([code, { status }]) => [code as AnswerCode, status]))(
    "for %s (%i) says what to do next, and where",
    (code, status) => {
      const html = String(ErrorPage({ code, status, text: "It failed.", requestId: "id-1" }));
      expect(textOf(html)).toContain(`${status} · request id id-1`);
      expect(html).toMatch(/<p>It failed\.<\/p><p>[A-Z][^<]{10,}\.<\/p>/);
      expect(html).toMatch(/<a class="button" href="\/\.pomerium\/(routes|sign_in)?">/);
    },
  );

  it.each(MARKUP)("shows %s as it is, in the explanation too", (text) => {
    const html = denial(text);
    expect(elementsOf(html)).toEqual(elementsOf(denial("x")));
    expect(attributesOf(html)).toEqual(attributesOf(denial("x")));
    expect(textOf(html).split(text.replaceAll(/\s+/g, " ")).length).toBeGreaterThanOrEqual(3);
  });

  it.each([
    ["and", [true, false], "✗ All of these"],
    ["and", [true, true], "✓ All of these"],
    ["or", [true, false], "✓ One of these"],
    ["not", [false, false], "✓ None of these"],
    ["not", [true, false], "✗ None of these"],
    ["nor", [true, false], "✓ Not all of these"],
    ["nor", [true, true], "✗ Not all of these"],
  ])("words %s of %j as: %s", (operator, values, words) => {
    const criteria = values.map((value) => ({
      email: { is: value ? "ann@example.com" : "bob@example.com" },
    }));
    const policy = compilePolicy(parsePolicy([{ allow: { [operator]: criteria } }]), {});
    const session = { sessionId: "s", userId: "u", email: "ann@example.com", groups: [], claims: {} };
    const explanation = explain(policy, { routeId: "r", now: 0, sourceIp: null, session });
    const html = ErrorPage({ code: "http/denied", status: 403, text: "", requestId: "", explanation });
    expect(textOf(String(html))).toContain(words);
  });

  it("shows rule by rule why a policy refused", () => {
    expect(textOf(denial("ann@example.com"))).toContain(
      `✗ All of these ✗ email {"is":"ann@example.com"} found "ann@example.com!"`,
    );
  });
});
