import { describe, expect, it } from "vitest";
import { connect } from "../../lib/client/connect.ts";
import { GatewayCarriers } from "../../lib/client/gateway_carriers.ts";
import { platformTrust } from "../../lib/client/gateway_trust.ts";
import { http1Carrier } from "../../lib/client/http1_carrier.ts";
import type { TokenSource } from "../../lib/client/token_source.ts";
import { echoTunnel, respond, type ScriptedGateway, startGateway } from "./_scripted_gateway.ts";
import { noMemory } from "../_support/no_memory.ts";

function source(current: string | null, renewed: string) {
  const renewals: (string | null)[] = [];
  const tokens: TokenSource = {
    current: () => Promise.resolve(current),
    renew: (rejected) => {
      renewals.push(rejected);
      return Promise.resolve(renewed);
    },
  };
  return { tokens, renewals };
}

function open(gateway: ScriptedGateway, tokens: TokenSource) {
  const carriers = new GatewayCarriers({
    kind: "tcp",
    gateway: gateway.address,
    forced: "h1",
    order: ["h1"],
    connect: () => Promise.resolve(http1Carrier(gateway.address, platformTrust)),
    memory: noMemory,
    now: () => 0,
  });
  const { signal } = new AbortController();
  return connect(
    (carrier, request) => carrier.openTcp("redis.example.com:6379", request),
    { carriers, tokens, userAgent: "test/1", signal },
  );
}

const acceptOnly = (token: string): ScriptedGateway =>
  startGateway((request, stream) =>
    request.authorization === `Pomerium ${token}` ? echoTunnel(stream) : respond(stream, 401)
  );

describe("connect()", () => {
  it("asks for no other token when the one at hand is taken", async () => {
    await using gateway = acceptOnly("good");
    const { tokens, renewals } = source("good", "never");
    (await open(gateway, tokens)).close();
    expect(renewals).toEqual([]);
  });

  it.each([["stale"], [null]])("signs in and tries once more when the token is %s", async (current) => {
    await using gateway = acceptOnly("good");
    const { tokens, renewals } = source(current, "good");
    const tunnel = await open(gateway, tokens);
    tunnel.close();
    expect(tunnel.token).toBe("good");
    expect(renewals).toEqual([current]);
    expect(gateway.requests).toHaveLength(2);
  });

  it("does not try a third time", async () => {
    await using gateway = acceptOnly("good");
    const { tokens, renewals } = source("stale", "stale too");
    await expect(open(gateway, tokens)).rejects.toMatchObject({ code: "client/login-required" });
    expect(renewals).toHaveLength(1);
    expect(gateway.requests).toHaveLength(2);
  });

  it.each([403, 404, 503, 500])("leaves the token alone at status %d", async (status) => {
    await using gateway = startGateway((_, stream) => respond(stream, status));
    const { tokens, renewals } = source("good", "never");
    await expect(open(gateway, tokens)).rejects.toMatchObject({ status });
    expect(renewals).toEqual([]);
    expect(gateway.requests).toHaveLength(1);
  });
});
