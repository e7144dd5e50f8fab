import { describe, expect, it } from "vitest";
import { type PolicyInputs, validatePath } from "../../lib/pki/validate_path.ts";
import { der, Entity, extension, extensions } from "./_forge.ts";
import { NOW } from "./_pairs.ts";

const ANY = "2.5.29.32.0";
const root = await Entity.root("Root");

const policies = (...ids: string[]) =>
  extension("2.5.29.32", der.seq(...ids.map((id) => der.seq(der.oid(id)))));
const mapping = (from: string, to: string) =>
  extension("2.5.29.33", der.seq(der.seq(der.oid(from), der.oid(to))), true);
const requireExplicit = (after: string) =>
  extension("2.5.29.36", der.seq(der.implicit(0, Uint8Array.fromHex(after))));
const inhibitMapping = (after: string) =>
  extension("2.5.29.36", der.seq(der.implicit(1, Uint8Array.fromHex(after))));
const inhibitAny = (after: string) => extension("2.5.29.54", der.int(after));

/** The policies that a path of an authority and a leaf is valid for. */
async function validFor(
  ca: Uint8Array[],
  leaf: Uint8Array[],
  inputs: PolicyInputs = {},
): Promise<readonly string[]> {
  const authority = await root.issueAuthority("CA", { extensions: [extensions.authority(), ...ca] });
  const subject = await authority.issue({ extensions: leaf });
  const result = await validatePath(subject.certificate, {
    intermediates: [authority.certificate],
    anchors: [root.certificate],
    now: NOW,
    purpose: "client-auth",
    policies: inputs,
  });
  return result.policies;
}

describe("certificate policies", () => {
  it.each<[string, Uint8Array[], Uint8Array[], PolicyInputs, string[]]>([
    ["are none where one certificate has none", [policies("1.2.1")], [], {}, []],
    ["are those that all certificates have", [policies("1.2.1", "1.2.2")], [policies("1.2.2", "1.2.3")], {}, [
      "1.2.2",
    ]],
    ["are those of the leaf below one for all", [policies(ANY)], [policies("1.2.1")], {}, ["1.2.1"]],
    ["are those of the authority above one for all", [policies("1.2.1")], [policies(ANY)], {}, ["1.2.1"]],
    ["are all where all are", [policies(ANY)], [policies(ANY)], {}, [ANY]],
    ["are the acceptable ones of them", [policies(ANY)], [policies(ANY)], { acceptable: ["1.2.7"] }, [
      "1.2.7",
    ]],
    [
      "are what the authority calls them",
      [policies("1.2.1"), mapping("1.2.1", "1.2.2")],
      [policies("1.2.2")],
      {},
      ["1.2.1"],
    ],
    ["are mapped from all", [policies(ANY), mapping("1.2.1", "1.2.2")], [policies("1.2.2")], {
      acceptable: ["1.2.1"],
      requireExplicit: true,
    }, ["1.2.1"]],
    [
      "are not what is mapped to something else",
      [policies("1.2.1"), mapping("1.2.1", "1.2.2")],
      [policies("1.2.1")],
      {},
      [],
    ],
    [
      "are mapped when only those below may not",
      [policies("1.2.1"), mapping("1.2.1", "1.2.2"), inhibitMapping("00")],
      [policies("1.2.2")],
      {},
      ["1.2.1"],
    ],
    ["are not mapped when told so", [policies("1.2.1"), mapping("1.2.1", "1.2.2")], [policies("1.2.2")], {
      inhibitMapping: true,
    }, []],
    [
      "are not all when the authority forbids it",
      [policies("1.2.1"), inhibitAny("00")],
      [policies(ANY)],
      {},
      [],
    ],
    ["are not all when told so", [policies("1.2.1")], [policies(ANY)], { inhibitAny: true }, []],
  ])("%s", async (_, ca, leaf, inputs, expected) => {
    expect(await validFor(ca, leaf, inputs)).toEqual(expected);
  });

  it.each<[string, Uint8Array[], Uint8Array[], PolicyInputs]>([
    ["one is required and there is none", [], [], { requireExplicit: true }],
    ["one is required and none is acceptable", [policies("1.2.1")], [policies("1.2.1")], {
      requireExplicit: true,
      acceptable: ["1.2.2"],
    }],
    ["the authority requires one", [requireExplicit("00")], [], {}],
    ["the leaf requires one", [], [requireExplicit("00")], {}],
    ["all are mapped", [policies(ANY), mapping(ANY, "1.2.1")], [policies("1.2.1")], {}],
    ["one is mapped to all", [policies(ANY), mapping("1.2.1", ANY)], [policies("1.2.1")], {}],
  ])("refuse a path when %s", async (_, ca, leaf, inputs) => {
    await expect(validFor(ca, leaf, inputs)).rejects.toThrow(
      expect.objectContaining({ code: "pki/path-policy" }),
    );
  });

  it("do not refuse a path when one is required of longer paths only", async () => {
    expect(await validFor([requireExplicit("02")], [])).toEqual([]);
  });
});
