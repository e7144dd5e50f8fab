import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configurationSchema, renderConfigurationSchema } from "../../scripts/configuration_schema.ts";
import { renderConfigurationDocs } from "../../scripts/gen_configuration_docs.ts";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { PolicyError } from "../../lib/policy/errors.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { codesOf, load, oneRoute } from "./_load.ts";
import { schemaFaults } from "./_schema_check.ts";

const schema = JSON.parse(renderConfigurationSchema());
const faults = (text: string) => schemaFaults(parse(text, { merge: true }), schema);

const ROUTE = "from: tcp+https://a:1, to: tcp://b:1";

describe("docs/routes.schema.json", () => {
  it("is what scripts/gen_configuration_docs.ts writes", async () => {
    expect(await Deno.readTextFile(configurationSchema)).toBe(renderConfigurationSchema());
  });

  it("is where routes.yaml says, and finds nothing wrong with it", async () => {
    const file = new URL("../../routes.yaml", import.meta.url);
    const text = await Deno.readTextFile(file);
    const named = /^# yaml-language-server: \$schema=(.*)$/m.exec(text)![1]!;
    expect(new URL(named, file).href).toBe(configurationSchema.href);
    expect(faults(text)).toEqual([]);
  });

  it("finds in the examples of the documents only what the loader complains of", async () => {
    const policies = await Deno.readTextFile(new URL("../../docs/policy.md", import.meta.url));
    const examples = [...policies.matchAll(/```yaml\n(policy:[\s\S]*?)```/g)].map(([, example]) => example!);
    expect(examples.length).toBeGreaterThan(10);
    for (const example of examples) {
      const found = schemaFaults(parse(example).policy, { ...schema.$defs.policy, $defs: schema.$defs });
      const loaded = await load(
        oneRoute({ policy: parse(example).policy, allow_any_authenticated_user: false }),
      );
      expect(found.length > 0).toBe(codesOf(loaded).some((code) => /^error|never-matches$/.test(code)));
    }
    const [, example] = /```yaml\n(routes:[\s\S]*?)```/.exec(renderConfigurationDocs())!;
    expect(faults(example!)).toEqual([]);
  });

  it.each([
    "{}",
    "routes: []",
    `routes: [{${ROUTE}, policy: {allow: {or: [{claim/groups: a}]}}}]`,
    `routes: [{${ROUTE}, policy: [{allow: {and: [{any_of: [{email: {in: [a], ignore_case: true}}]}]}}]}]`,
    `routes: [{${ROUTE}, allowed_idp_claims: {groups: [a, 1, true]}, timeout: 1h30m, idle_timeout: 0}]`,
    `routes: [{${ROUTE}, tests: [{user: a@b, expect: deny}, {user: {groups: [a]}, expect: deny}]}]`,
    "runtime_flags: {config_hot_reload: false, mcp: true}",
    "certificates: [{cert: a, key: b}]",
    "autocert: true\ncookie_secret: x",
    "address: :443\ncookie_expire: 0.5h\nlog_level: warn",
  ])("takes %s, as the loader does", async (text) => {
    expect(faults(text)).toEqual([]);
    expect((await load(text, { a: "-----BEGIN CERTIFICATE-----", b: "-----BEGIN PRIVATE KEY-----" })).config)
      .not.toBeNull();
  });

  it.each([
    ["routes: {from: x}", "/routes: not array"],
    ["routes: [x]", "/routes/0: not object"],
    ["routes: [{to: tcp://b}]", "/routes/0/from: missing"],
    [`routes: [{${ROUTE}, policy: everyone}]`, "/routes/0/policy: not object"],
    [`routes: [{${ROUTE}, policy: {permit: {or: []}}}]`, "/routes/0/policy/permit: not known"],
    [`routes: [{${ROUTE}, policy: {allow: {xor: []}}}]`, "/routes/0/policy/allow/xor: not known"],
    [`routes: [{${ROUTE}, policy: {allow: {or: {email: a}}}}]`, "/routes/0/policy/allow/or: not array"],
    [
      `routes: [{${ROUTE}, policy: {allow: {or: [{emal: a}]}}}]`,
      "/routes/0/policy/allow/or/0/emal: not known",
    ],
    [`routes: [{${ROUTE}, policy: {allow: {or: [{}]}}}]`, "/routes/0/policy/allow/or/0: too few keys"],
    [
      `routes: [{${ROUTE}, policy: {allow: {or: [{email: a, user: b}]}}}]`,
      "/routes/0/policy/allow/or/0: too many keys",
    ],
    [
      `routes: [{${ROUTE}, policy: {allow: {or: [{email: {equals: a}}]}}}]`,
      "/routes/0/policy/allow/or/0/email/equals: not known",
    ],
    [`routes: [{${ROUTE}, tests: [{user: a}]}]`, "/routes/0/tests/0/expect: missing"],
    [`routes: [{${ROUTE}, tests: [{expect: yes}]}]`, "/routes/0/tests/0/expect: not one of allow,deny,login"],
    [`routes: [{${ROUTE}, allowed_groups: [a]}]`, "/routes/0/allowed_groups: refused"],
    [`routes: [{${ROUTE}, timeout: 30}]`, "/routes/0/timeout: above 0"],
    ["cookie_expire: soon", "/cookie_expire: not ^(0|([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+)$"],
    ["log_level: loud", "/log_level: not one of trace,debug"],
    ["downstream_mtls: {cafile: a}", "/downstream_mtls/cafile: not known"],
    ["client_ca: a", "/client_ca: refused"],
  ])("finds what is wrong with %s, as the loader does", async (text, fault) => {
    expect(faults(text)).toEqual(expect.arrayContaining([expect.stringContaining(fault)]));
    expect((await load(text)).config).toBeNull();
  });

  it("finds keys that there are not, of which the loader warns", async () => {
    expect(faults("adress: :443")).toEqual(["/adress: not known"]);
    expect((await load("adress: :443")).config).not.toBeNull();
  });

  it("knows the criteria that the language knows", () => {
    const known = hintOf({ allow: { or: [{ "qqqqqqqqqqqqqq": 1 }] } })!.replace("known are ", "").split(", ");
    expect(known.length).toBeGreaterThan(8);
    const inSchema = Object.keys(schema.$defs.criterion.properties);
    expect(inSchema).toEqual(expect.arrayContaining(known.filter((name) => name !== "claim")));
    for (const name of inSchema) {
      expect(codeOf({ allow: { or: [{ [name]: { "": "" } }] } })).not.toBe("policy/unknown-criterion");
    }
  });
});

function faultOf(policy: unknown): PolicyError | null {
  try {
    compilePolicy(parsePolicy(policy));
    return null;
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
}

function hintOf(policy: unknown): string | undefined {
  return faultOf(policy)?.hint;
}

function codeOf(policy: unknown): string | undefined {
  return faultOf(policy)?.code;
}
