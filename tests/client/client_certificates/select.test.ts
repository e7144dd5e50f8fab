import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../lib/base/bytes.ts";
import { parseNameFilter } from "../../../lib/codec/name_filter.ts";
import {
  type Candidate,
  readCandidates,
  type UnusableCandidate,
  type UsableCandidate,
} from "../../../lib/client/client_certificates/candidate.ts";
import {
  selectCandidate,
  type SelectionRules,
  takenOf,
} from "../../../lib/client/client_certificates/select.ts";
import { type OpensslAuthority, opensslAuthority } from "../../_support/openssl_authority.ts";
import { requirePeer } from "../../_support/peers.ts";

const CLIENT = "extendedKeyUsage=clientAuth";
const DAY_MS = 86_400_000;

describe.skipIf(!requirePeer("openssl"))("selectCandidate()", () => {
  let [users, devices]: OpensslAuthority[] = [];
  const found = new Map<string, Candidate>();
  let opened: string[] = [];
  let now: number;

  beforeAll(async () => {
    users = await opensslAuthority("/O=Example/CN=Example users");
    devices = await opensslAuthority("/O=Example/CN=Example devices");
    await add("ann", users, [CLIENT]);
    await add("bob", users, []);
    await add("laptop", devices, [CLIENT, "keyUsage=digitalSignature"]);
    await add("server", users, ["extendedKeyUsage=serverAuth"]);
    await add("any", users, ["extendedKeyUsage=anyExtendedKeyUsage"]);
    await add("agreement", users, ["keyUsage=keyAgreement"]);
    const [broken] = await readCandidates({ source: "broken", certificate: utf8("x"), password: null });
    found.set("broken", broken!);
    keep("kept", find("ann"));
    keep("lost", find("broken"));
    now = Date.now();
  });
  afterAll(async () => {
    await users?.[Symbol.asyncDispose]();
    await devices?.[Symbol.asyncDispose]();
  });

  /** One whose key would have to be taken out. */
  function keep(name: string, inside: UsableCandidate | UnusableCandidate): void {
    const [own, ...issuers] = found.get("ann")!.chain;
    const open = () => {
      opened.push(name);
      return Promise.resolve({ ...inside, source: name });
    };
    found.set(name, { source: name, chain: [own!, ...issuers], open });
  }

  function find(name: string): UsableCandidate | UnusableCandidate {
    const candidate = found.get(name)!;
    if ("open" in candidate) throw new TypeError("it is kept");
    return candidate;
  }

  async function add(name: string, authority: OpensslAuthority, extensions: string[]): Promise<void> {
    const { certPem, keyPem } = await authority.issue(name, { subject: `/OU=a/OU=b/CN=${name}`, extensions });
    const [candidate] = await readCandidates({
      source: name,
      certificate: utf8(certPem + authority.certPem + keyPem),
      password: null,
    });
    found.set(name, candidate!);
  }

  /** Candidates and outcomes, in order. */
  async function outcomes(
    names: string,
    rules: { days?: number; from?: string[]; issuer?: string; subject?: string } = {},
  ): Promise<string> {
    const { days = 0, from, issuer = "", subject = "" } = rules;
    const complete: SelectionRules = {
      now: now + days * DAY_MS,
      authorities: from === undefined ? null : from.map((name) => {
        const { chain } = found.get(name)!;
        return chain[0]!.issuer;
      }),
      issuer: parseNameFilter(issuer),
      subject: parseNameFilter(subject),
    };
    const verdicts = await selectCandidate(names.split(" ").map((name) => found.get(name)!), complete);
    const taken = verdicts.find(({ outcome }) => outcome === "taken")?.candidate ?? null;
    expect(takenOf(verdicts)).toBe(taken);
    return verdicts.map(({ candidate, outcome }) => `${candidate.source} ${outcome}`).join(", ");
  }

  it.each<[string, Parameters<typeof outcomes>[1], string]>([
    ["ann bob", {}, "ann taken, bob not-first"],
    ["bob ann", {}, "bob taken, ann not-first"],
    ["broken ann", {}, "broken unusable, ann taken"],
    ["server ann", {}, "server wrong-usage, ann taken"],
    ["agreement any", {}, "agreement wrong-usage, any taken"],
    ["ann", { days: 31 }, "ann expired"],
    ["ann", { days: -1 }, "ann not-yet-valid"],
    ["ann laptop", { from: ["laptop"] }, "ann other-authority, laptop taken"],
    ["ann laptop", { from: ["bob"] }, "ann taken, laptop other-authority"],
    ["ann laptop", { from: ["bob", "laptop"] }, "ann taken, laptop not-first"],
    ["ann", { from: [] }, "ann taken"],
    ["ann laptop", { issuer: "CN=Example devices" }, "ann other-issuer, laptop taken"],
    ["ann bob", { subject: "CN=bob" }, "ann other-subject, bob taken"],
    ["ann", { subject: "OU=b" }, "ann taken"],
    ["ann", { subject: "CN=b" }, "ann other-subject"],
    ["ann", { issuer: "O=Example", subject: "CN=ann" }, "ann taken"],
    ["ann", { issuer: "O=Other", subject: "CN=ann" }, "ann other-issuer"],
    ["ann", { from: ["laptop"], issuer: "CN=Example users" }, "ann other-authority"],
  ])("of %s with %j: %s", async (names, rules, expected) => {
    expect(await outcomes(names, rules)).toBe(expected);
  });

  it.each([
    ["kept ann", {}, "kept taken, ann not-first", ["kept"]],
    ["ann kept", {}, "ann taken, kept not-first", []],
    ["kept ann", { subject: "CN=bob" }, "kept other-subject, ann other-subject", []],
    ["lost kept ann", {}, "lost unusable, kept taken, ann not-first", ["lost", "kept"]],
  ])("of %s with %j: %s, having opened %j", async (names, rules, expected, wanted) => {
    opened = [];
    expect(await outcomes(names, rules)).toBe(expected);
    expect(opened).toEqual(wanted);
  });
});
