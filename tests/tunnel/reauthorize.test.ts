import { describe, expect, it } from "vitest";
import type { Route } from "../../lib/config/config.ts";
import { RouteTable } from "../../lib/config/route_table.ts";
import { SOME_TRUSTED_CERTIFICATE } from "../../lib/identity/client_certificates.ts";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { reauthorize, type ReauthorizeOptions } from "../../lib/tunnel/reauthorize.ts";
import type { LiveTunnel } from "../../lib/tunnel/registry.ts";

const UPSTREAM = "tcp://10.0.0.1:1";
const ROUTE = {
  id: "r",
  from: {
    protocol: "tcp",
    gateway: { host: "a.test", port: null },
    destinations: [{ host: "a.test", port: 1 }],
  },
  http: null,
  idpClient: null,
  to: [{ url: UPSTREAM }],
  policy: compilePolicy(
    parsePolicy({ deny: { or: [{ invalid_client_certificate: true }] }, allow: { or: [{ accept: true }] } }),
  ),
} as unknown as Route;

const turn = () => new Promise((resolve) => setTimeout(resolve));

/** Of tunnels with certificates of their own. */
function tunnelsOf(count: number): LiveTunnel[] {
  return Array.from({ length: count }, (_, i) => ({
    id: String(i),
    protocol: "tcp",
    target: { host: "a.test", port: 1 },
    upstreamUrl: UPSTREAM,
    ip: "192.0.2.1",
    sessionId: null,
    clientCertificates: [new Uint8Array([i])],
  } as unknown as LiveTunnel));
}

/** Judges certificates when the test says so: `answers` has what waits, by the number in the certificate. */
function slowJudge() {
  const answers = new Map<number, (isValid: boolean | Error) => void>();
  const judge: ReauthorizeOptions["certificates"]["judge"] = async (chain) => {
    const { promise, resolve } = Promise.withResolvers<boolean | Error>();
    answers.set(chain![0]![0]!, resolve);
    const valid = await promise;
    if (valid instanceof Error) throw valid;
    return { facts: { ...SOME_TRUSTED_CERTIFICATE, valid }, reason: null, details: null };
  };
  const options: ReauthorizeOptions = {
    routes: new RouteTable([ROUTE]),
    session: () => Promise.resolve(null),
    certificates: { judge },
    now: 0,
  };
  return { answers, options };
}

describe("reauthorize()", () => {
  it("judges several tunnels at once, and not all of them", async () => {
    const { answers, options } = slowJudge();
    const done = reauthorize(tunnelsOf(40), options);
    await turn();
    expect([...answers.keys()]).toEqual(Array.from({ length: 16 }, (_, i) => i));
    answers.get(3)!(true);
    await turn();
    expect(answers.size).toBe(17);
    for (let i = 0; i < 40; i++) {
      answers.get(i)!(true);
      await turn();
    }
    expect(await done).toEqual([]);
  });

  it("gives the tunnels that may not go on in their order, whichever was judged first", async () => {
    const { answers, options } = slowJudge();
    const done = reauthorize(tunnelsOf(4), options);
    await turn();
    for (const [i, isValid] of [[3, false], [1, true], [2, false], [0, false]] as const) {
      answers.get(i)!(isValid);
      await turn();
    }
    expect((await done).map(({ tunnel, reason }) => [tunnel.id, reason])).toEqual(
      ["0", "2", "3"].map((id) => [id, "no-longer-allowed"]),
    );
  });

  it("begins with no more tunnels when one cannot be judged", async () => {
    const { answers, options } = slowJudge();
    const done = reauthorize(tunnelsOf(40), options);
    await turn();
    answers.get(5)!(new Error("the store is down"));
    await expect(done).rejects.toThrow("the store is down");
    for (const answer of [...answers.values()]) answer(true);
    await turn();
    expect(answers.size).toBe(16);
  });
});
