import { describe, expect, it } from "vitest";
import { formatComplaint } from "../../lib/config/complaint.ts";
import { load, transcriptOf } from "./_load.ts";

describe("formatComplaint()", () => {
  it.each([
    [
      "an unknown key",
      "adress: :443\n",
      `
routes.yaml:1:1: warning: There is no key "adress" here; it has no effect
    adress …
    ^
  hint: did you mean address?
routes.yaml:1:1: warning: There are no routes: nothing can be reached
    adress: :443
    ^`,
    ],
    [
      "a value of a wrong type",
      "routes:\n  - from: tcp+https://a:1\n    to: tcp://b:1\n    allowed_users: alice\n",
      `
routes.yaml:4:20: error: allowed_users must be a list: found the text "alice"
        allowed_users: alice
                       ^
  hint: write it as a list: ["alice"]`,
    ],
    [
      "a tab",
      "routes:\n\t- from: x\n",
      `
routes.yaml:2:1: error: Tabs are not allowed as indentation
    \t- from: x
    ^
  hint: indent with spaces`,
    ],
    [
      "a caret behind a tab",
      "address:\tnowhere\n",
      `
routes.yaml:1:10: error: address must be host:port or :port: found "nowhere"
    address:\tnowhere
            \t^
  hint: as in :443 or 127.0.0.1:8443`,
    ],
    [
      "a caret behind wide and composed characters",
      '{"日本e\u0301👍🏽": 1, "address": 5}\n',
      `
routes.yaml:1:2: warning: There is no key "日本e\u0301👍🏽" here; it has no effect
    {"日本e\u0301👍🏽" …
     ^
routes.yaml:1:26: error: address must be host:port or :port: found "5"
    {"日本e\u0301👍🏽": 1, "address": 5}
                              ^
  hint: as in :443 or 127.0.0.1:8443`,
    ],
    [
      "a fault of a policy",
      "routes:\n- from: tcp+https://a:1\n  to: tcp://b:1\n  policy:\n  - allow:\n      or:\n      - emal: x\n",
      `
routes.yaml:7:9: error: "emal" is not a criterion
          - emal …
            ^
  hint: did you mean email?`,
    ],
  ])("shows %s", async (_, text, expected) => {
    expect(transcriptOf(await load(text))).toBe(expected.slice(1));
  });

  it("names only the file when there is no place in it", () => {
    const complaint = {
      severity: "error",
      code: "config/too-large",
      message: "Too large",
      hint: null,
      file: "a.yaml",
      line: 0,
      column: 0,
      excerpt: "",
    } as const;
    expect(formatComplaint(complaint)).toBe("a.yaml: error: Too large");
  });

  it("keeps control characters of the file from the terminal", async () => {
    const transcript = transcriptOf(await load('"\x1b[2Jx": 1\naddress: "\x1b]0;y\x07"\n'));
    // deno-lint-ignore no-control-regex
    expect(transcript).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    expect(transcript).toContain("address must be host:port");
  });

  it("cuts a long line around the caret", async () => {
    const padding = Array.from({ length: 400 }, (_, index) => `"k${index}"`).join(", ");
    const { complaints } = await load(`{cookie_name: x, certificates: [${padding}], address: 5}`);
    for (const { excerpt } of complaints) expect(excerpt.split("\n")[0]!.length).toBeLessThan(130);
    const address = complaints.find(({ message }) => message.startsWith("address"))!;
    const [line, caret] = address.excerpt.split("\n");
    expect(line![caret!.length - 1]).toBe("5");
  });
});

describe("excerpts", () => {
  const secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
  it.each([
    ["a secret of the wrong length", `shared_secret: ${secret.slice(0, 20)}`],
    ["a secret of a wrong type", `shared_secret: [${secret}]`],
    ["a secret on a line of its own", `shared_secret:\n  ${secret.slice(0, 20)}`],
    ["a secret in a file with a syntax error", `shared_secret: "${secret.slice(0, 20)}`],
    ["a secret cut by a syntax error", `shared_secret: ${secret.slice(0, 20)}: x`],
    ["a secret beside another fault", `{shared_secret: ${secret.slice(0, 20)}, address: 5}`],
    ["a secret under a misspelt name", `shraed_secret: ${secret}`],
    ["a secret without a name", `address: ${secret}\n${secret}`],
    ["a key that has no effect", `idp_client_secret: ${secret.slice(0, 20)}`],
    ["a password in a URL", `routes: [{from: "tcp+https://u:${secret.slice(0, 20)}@h:1", to: tcp://b:1}]`],
  ])("show nothing of %s", async (_, text) => {
    const { complaints } = await load(text);
    expect(complaints.length).toBeGreaterThan(0);
    for (const { excerpt } of complaints) expect(excerpt).not.toContain(secret.slice(0, 10));
  });
});
