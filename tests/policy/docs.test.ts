import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { PolicyError } from "../../lib/policy/errors.ts";
import { decide } from "../../lib/policy/decide.ts";
import type { Facts, SessionFacts } from "../../lib/policy/facts.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { sshKey } from "./_keys.ts";
import { shorthandsOf } from "./_route_keys.ts";
import { factsOf } from "./_support.ts";

const ANSWERS = {
  allowed: "allowed",
  denied: "denied",
  unauthenticated: "sign in",
  "client-certificate": "show a certificate",
  device: "register a device",
} as const;

const CALLERS: Readonly<Record<string, Facts>> = {
  alice: factsOf({
    sessionId: "s-alice",
    userId: "u-alice",
    email: "alice@example.com",
    groups: [],
    claims: { groups: ["datascience@example.com", "ops@example.com"], level: 3 },
  }, "10.1.2.3"),
  carol: factsOf({
    sessionId: "s-carol",
    userId: "u-carol",
    email: "contractor@not-example.com",
    groups: [],
    claims: { groups: ["guests@example.com"] },
  }, "192.0.2.7"),
  nobody: factsOf(null, "10.1.2.3"),
  erin: {
    ...factsOf(person("erin"), "10.1.2.4"),
    http: { method: "GET", path: "/reports/7", origin: null, accessControlRequestMethod: null },
    clientCertificate: {
      presented: true,
      valid: true,
      fingerprintSha256: "0".repeat(64),
      spkiSha256Base64: `${"A".repeat(43)}=`,
      sanDns: ["laptop-7.example.com"],
      sanEmail: [],
      sanUri: [],
      issuer: {},
      subject: {},
    },
    device: { id: "d-erin", type: "enclave_only", approved: true },
  },
  frank: {
    ...factsOf(person("frank", { unix: ["ops", "deploy"] }), "10.1.2.5"),
    ssh: { username: "frank", publicKey: sshKey("frank").blob },
  },
};

function person(name: string, claims: SessionFacts["claims"] = {}): SessionFacts {
  return { sessionId: `s-${name}`, userId: `u-${name}`, email: `${name}@example.com`, groups: [], claims };
}

interface Example {
  readonly line: number;
  readonly yaml: string;
  /** Who, and what docs/policy.md says the answer is. */
  readonly answers: readonly (readonly [string, string])[];
}

function examplesOf(markdown: string): Example[] {
  return [...markdown.matchAll(/^```yaml\n(.*?)^```\n\n((?:\|[^\n]*\n)*)/gms)].map((match) => {
    const rows = match[2]!.trim().split("\n").slice(2);
    return {
      line: markdown.slice(0, match.index).split("\n").length,
      yaml: match[1]!,
      answers: rows.map((row) => {
        const [who = "", answer = ""] = row.split("|").slice(1).map((cell) =>
          cell.trim().replaceAll("`", "")
        );
        return [who, answer] as const;
      }),
    };
  });
}

function answerOf(example: Example, who: string): string {
  const route = parse(example.yaml);
  try {
    const policy = compilePolicy(parsePolicy(route.policy ?? []), shorthandsOf(route));
    const facts = CALLERS[who];
    if (facts !== undefined) return ANSWERS[decide(policy, facts).verdict];
    return who === "load" ? "loaded" : "never introduced";
  } catch (error) {
    if (error instanceof PolicyError) return error.code;
    throw error;
  }
}

const markdown = readFileSync(new URL("../../docs/policy.md", import.meta.url), "utf8");
const examples = examplesOf(markdown);

it("every yaml block of docs/policy.md is followed by a table of answers", () => {
  expect(examples.length).toBe(markdown.match(/^```yaml$/gm)?.length);
  expect(examples.filter((example) => example.answers.length === 0)).toEqual([]);
});

it.each(examples)("the example at line $line of docs/policy.md gives the answers it states", (example) => {
  const actual = example.answers.map(([who]) => [who, answerOf(example, who)]);
  expect(actual).toEqual(example.answers);
});
