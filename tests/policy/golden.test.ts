import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { decide } from "../../lib/policy/decide.ts";
import type { ClientCertificateFacts, Facts, SessionFacts, SshFacts } from "../../lib/policy/facts.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { sshKey } from "./_keys.ts";
import { refusal } from "./_support.ts";
import { type RouteKeys, shorthandsOf } from "./_route_keys.ts";

/** One policy of a golden file: either it does not load, or it decides its cases. */
interface Golden {
  readonly name: string;
  readonly policy?: unknown;
  readonly route?: RouteKeys;
  /** The code it is refused with. */
  readonly load?: string;
  readonly cases?: readonly Case[];
}

interface Case {
  readonly who: string;
  readonly at?: string;
  /** More facts: a name in {@link GROUPS}, or the value itself. */
  readonly with?: Readonly<Record<string, unknown>>;
  readonly verdict: string;
  /** Value, then reasons. */
  readonly allow: readonly [boolean, ...string[]];
  readonly deny: readonly [boolean, ...string[]];
}

const NOW = "2026-06-01T12:00:00Z";

function person(name: string, domain: string, rest: Partial<SessionFacts>): SessionFacts {
  return {
    sessionId: `s-${name}`,
    userId: `u-${name}`,
    email: `${name}@${domain}`,
    groups: [],
    claims: {},
    ...rest,
  };
}

const PEOPLE: Readonly<Record<string, SessionFacts | null>> = {
  ann: person("ann", "example.com", {
    groups: ["staff", "ops"],
    claims: { role: "dev", level: 3, teams: ["red", "blue"], address: { country: "DE" } },
  }),
  bob: person("bob", "example.com", {
    groups: ["staff"],
    claims: { role: "sales", logins: ["root", "www"], "https://example.com/roles": ["admin"] },
  }),
  carl: person("carl", "example.com", {}),
  eve: person("eve", "example.org", {}),
  nobody: null,
};

const trusted: ClientCertificateFacts = {
  presented: true,
  valid: true,
  fingerprintSha256: "17859273e8a980631d367b2d5a6a6635412b0f22835f69e47b3f65624546a704",
  spkiSha256Base64: "FsDbM0rUYIiL3V339eIKqiz6HPSB+Pz2WeAWhqlqh8U=",
  sanDns: ["1.example.com", "2.example.com"],
  sanEmail: ["ann@example.com"],
  sanUri: ["https://example.com/ann"],
  issuer: { commonName: ["Example users"], organizationName: ["Example"] },
  subject: { commonName: ["ann"], organizationalUnitName: ["Operations", "Europe"] },
};
const login: SshFacts = { username: "ann", publicKey: sshKey("ann").blob };
const certificate = {
  authorityKey: sshKey("authority").blob,
  principals: ["ann"],
  validAfter: 0,
  validBefore: Date.parse("2027-01-01T00:00:00Z"),
};
const get = { method: "GET", path: "/docs/a", origin: null, accessControlRequestMethod: null };
const options = { ...get, method: "OPTIONS", path: "/" };

const GROUPS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  clientCertificate: {
    trusted,
    untrusted: { ...trusted, valid: false },
    none: {
      presented: false,
      valid: false,
      fingerprintSha256: "",
      spkiSha256Base64: "",
      sanDns: [],
      sanEmail: [],
      sanUri: [],
      issuer: {},
      subject: {},
    },
  },
  device: {
    key: { id: "d-key", type: "any", approved: false },
    enclave: { id: "d-enclave", type: "enclave_only", approved: true },
  },
  http: {
    get,
    options,
    preflight: { ...options, origin: "https://a.example", accessControlRequestMethod: "PUT" },
  },
  ssh: {
    key: login,
    other: { ...login, publicKey: sshKey("bob").blob },
    root: { ...login, username: "root" },
    certificate: { ...login, certificate },
    expired: { ...login, certificate: { ...certificate, validBefore: 1 } },
    "for-root": { ...login, certificate: { ...certificate, principals: ["root"] } },
  },
};

function factsOf({ who, at = NOW, with: more = {} }: Case): Facts {
  const session = PEOPLE[who];
  if (session === undefined) throw new TypeError(`${who} was never introduced`);
  const groups = Object.entries(more).map(([group, value]) => {
    if (!Object.hasOwn(GROUPS, group)) return [group, value];
    const fact = GROUPS[group]![String(value)];
    if (fact === undefined) throw new TypeError(`There is no ${group} ${value}`);
    return [group, fact];
  });
  return {
    routeId: "r-1",
    now: Date.parse(at),
    sourceIp: "192.0.2.7",
    session,
    ...Object.fromEntries(groups),
  };
}

const folder = new URL("golden/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml")).sort();
const goldens = files.map((file) => ({
  file,
  policies: parse(readFileSync(new URL(file, folder), "utf8")) as Golden[],
}));

it("there are enough golden policies, and each states something", () => {
  const policies = goldens.flatMap((golden) => golden.policies);
  expect(policies.length).toBeGreaterThanOrEqual(60);
  expect(policies.filter(({ load, cases = [] }) => (load === undefined) === (cases.length === 0))).toEqual(
    [],
  );
});

describe.each(goldens)("golden/$file", ({ policies }) => {
  it.each(policies)("$name", ({ policy: data = [], route = {}, load, cases = [] }) => {
    const shorthands = shorthandsOf(route);
    if (load !== undefined) return expect(refusal(data, shorthands).code).toBe(load);
    const policy = compilePolicy(parsePolicy(data), shorthands);
    const decided = cases.map((one) => {
      const { verdict, allow, deny } = decide(policy, factsOf(one));
      return { ...one, verdict, allow: [allow.value, ...allow.reasons], deny: [deny.value, ...deny.reasons] };
    });
    expect(decided).toEqual(cases);
  });
});
