import { describe, expect, it } from "vitest";
import { codesOf, load } from "./_load.ts";

const loadPolicy = (policy: string) =>
  load(`routes:\n- from: tcp+https://a:1\n  to: tcp://b:1\n  policy:\n  - ${policy}`);

describe("loadConfig() warns of a list that no text equals", () => {
  it.each([
    ["allow: {or: [{email: [a, b]}]}", "email", "lets nobody in"],
    ["allow: {and: [{domain: [a]}]}", "domain", "lets nobody in"],
    ["allow: {not: [{user: [a]}]}", "user", "keeps nobody out"],
    ["allow: {nor: [{user: [a]}]}", "user", "keeps nobody out"],
    ["deny: {or: [{email: [a, b]}]}", "email", "keeps nobody out"],
    ["deny: {and: [{email: []}]}", "email", "keeps nobody out"],
    ["deny: {not: [{email: [a]}]}", "email", "lets nobody in"],
    ["allow: {or: [{accept: }, {none_of: [{email: [a]}]}]}", "email", "keeps nobody out"],
    ["deny: {or: [{all_of: [{none_of: [{email: [a]}]}]}]}", "email", "lets nobody in"],
    ["allow: {or: [{client_certificate: {san_dns: [a]}}]}", "san_dns", "lets nobody in"],
  ])("in %s", async (policy, name, effect) => {
    const loaded = await loadPolicy(policy);
    expect(codesOf(loaded)).toEqual(["warning config/never-matches"]);
    expect(loaded.complaints[0]).toMatchObject({
      message: `No ${name} equals a list: this criterion ${effect}`,
      hint: `write ${name}: {in: [...]}`,
      line: 5,
    });
    const [line, caret] = loaded.complaints[0]!.excerpt.split("\n");
    expect(line!.slice(0, caret!.length)).toMatch(new RegExp(`${name}: \\[$`));
  });

  it("in a policy that is no list", async () => {
    const { complaints } = await load(
      "routes:\n- {from: tcp+https://a:1, to: tcp://b:1, policy: {allow: {or: [{email: [a]}]}}}",
    );
    expect(complaints).toMatchObject([{ code: "config/never-matches", line: 2, column: 72 }]);
  });

  it.each([
    "allow: {or: [{email: {in: [a, b]}}]}",
    "allow: {or: [{source_ip: [10.0.0.0/8]}]}",
    "allow: {or: [{email: a}]}",
    "allow: {or: [{client_certificate: {fingerprint: []}}]}",
  ])("but not in %s", async (policy) => {
    expect(codesOf(await loadPolicy(policy))).not.toContain("warning config/never-matches");
  });
});

describe("loadConfig() warns of a claim", () => {
  const levels = (count: number) => Array.from({ length: count }, (_, index) => `l${index}`).join("/");

  it.each([6, 50])("%i levels deep, of which it looks up the whole as one name", async (count) => {
    const { config, complaints } = await loadPolicy(`allow: {or: [{claim/${levels(count)}: a}]}`);
    expect(config).not.toBeNull();
    expect(complaints).toMatchObject([{ code: "config/never-matches", line: 5, column: 19 }]);
    expect(complaints[0]!.message).toContain(`${count} levels`);
  });

  it.each([`claim/${levels(5)}`, "claim/https://ns.example.com/a/b/groups"])(
    "but not of %s",
    async (name) => {
      expect(codesOf(await loadPolicy(`allow: {or: [{'${name}': a}]}`))).toEqual([]);
    },
  );
});
