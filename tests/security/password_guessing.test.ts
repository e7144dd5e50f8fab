import { describe, expect, it } from "vitest";
import { PASSWORD } from "../_support/test_gateway.ts";
import { browse, csrfOf, startWithAnn } from "./_support.ts";

/** Posts each name and password by a form of its own, all at once. @returns the statuses, in order of the pairs */
async function attempt(
  gateway: Awaited<ReturnType<typeof startWithAnn>>["gateway"],
  pairs: readonly (readonly [name: string, password: string])[],
): Promise<number[]> {
  using browser = browse(gateway);
  const page = await browser.open(`${gateway.url}/.pomerium/sign_in`);
  return await Promise.all(pairs.map(async ([username, password]) => {
    const body = new URLSearchParams({ csrf: csrfOf(page.text), username, password });
    const response = await browser.request(page.url, { method: "POST", body });
    await response.body?.cancel();
    return response.status;
  }));
}

const count = (statuses: readonly number[], status: number) =>
  statuses.filter((one) => one === status).length;

describe("password spraying", () => {
  it("over many accounts from one address stops after 20 in a minute, right passwords included", async () => {
    const { gateway, clock } = await startWithAnn();
    await using _ = gateway;
    const names = Array.from({ length: 30 }, (_, i) => [`user${i}`, "Winter2026!"] as const);
    const statuses = await attempt(gateway, names);
    expect([count(statuses, 401), count(statuses, 429)]).toEqual([20, 10]);
    expect(await attempt(gateway, [["ann", PASSWORD]])).toEqual([429]);
    clock.advance(60_000);
    expect(await attempt(gateway, [["ann", PASSWORD]])).toEqual([302]);
  });
});

describe("password guessing", () => {
  it("at one account is slowed down after 3, however many come at the same time and however the name is spelled", async () => {
    const { gateway } = await startWithAnn();
    await using _ = gateway;
    const spellings = ["ann", "ANN", "Ann", " ann", "ann ", "aNN", "anN", "AnN"];
    const statuses = await attempt(gateway, spellings.map((name, i) => [name, `guess ${i}`] as const));
    expect([count(statuses, 401), count(statuses, 429)]).toEqual([3, 5]);
    expect(gateway.linesOf("sign in refused")).toHaveLength(3);
    expect(gateway.linesOf("sign in limited")).toHaveLength(5);
  });

  it("at an account that does not exist looks the same", async () => {
    const { gateway } = await startWithAnn();
    await using _ = gateway;
    const statuses = await attempt(
      gateway,
      Array.from({ length: 5 }, (_, i) => ["nobody", `guess ${i}`] as const),
    );
    expect(statuses.sort()).toEqual([401, 401, 401, 429, 429]);
  });
});
