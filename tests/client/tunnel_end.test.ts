import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { platformTrust } from "../../lib/client/gateway_trust.ts";
import { askWhyEnded, type TunnelEndQuery } from "../../lib/client/tunnel_end.ts";
import { respond, type ScriptedGateway, startGateway } from "./_scripted_gateway.ts";

function ask(gateway: ScriptedGateway, query: Partial<TunnelEndQuery> = {}): Promise<string | null> {
  return askWhyEnded(gateway.address, {
    requestId: "req-1",
    token: "the-token",
    trust: platformTrust,
    ...query,
  });
}

function answering(status: number, body: string): ScriptedGateway {
  return startGateway((_, stream) => respond(stream, status, body));
}

describe("askWhyEnded()", () => {
  it.each([
    ["req-1", "the-token", "/.pomerium/api/v1/tunnels/req-1", "Pomerium the-token"],
    ["../a?b", null, "/.pomerium/api/v1/tunnels/..%2Fa%3Fb", undefined],
  ])("asks for %j with the token %j", async (requestId, token, path, sent) => {
    await using gateway = answering(404, "");
    expect(await ask(gateway, { requestId, token })).toBeNull();
    const { method, target, authorization } = gateway.requests[0]!;
    expect([method, target, authorization]).toEqual(["GET", path, sent]);
  });

  it.each([
    ["a sentence with detail", { sentence: "it is over", detail: "revision 3" }, "it is over (revision 3)"],
    ["a sentence without", { sentence: "it is over", detail: null }, "it is over"],
    ["nothing to tell", { sentence: null, detail: "revision 3" }, null],
    ["an empty sentence", { sentence: "", detail: null }, null],
    ["a sentence that is none", { sentence: 7, detail: {} }, null],
    ["what could steer a terminal", { sentence: "a\u001b[2J", detail: "b\n" }, "a?[2J (b?)"],
    ["a long sentence", { sentence: "a".repeat(300) }, `${"a".repeat(200)}...`],
  ])("takes from an answer %s", async (_, answer, told) => {
    await using gateway = answering(200, JSON.stringify({ reason: "killed", ...answer }));
    expect(await ask(gateway)).toBe(told);
  });

  it.each([
    [401, "", "the-token", "your session has ended"],
    [401, "", null, null],
    [302, "", "the-token", null],
    [404, "", "the-token", null],
    [500, JSON.stringify({ sentence: "no" }), "the-token", null],
    [200, "<html>", "the-token", null],
    [200, "null", "the-token", null],
    [200, `["it is over"]`, "the-token", null],
    [200, JSON.stringify({ sentence: "a".repeat(65_536) }), "the-token", null],
  ])("takes status %d with %j for the token %j", async (status, body, token, told) => {
    await using gateway = answering(status, body);
    expect(await ask(gateway, { token })).toBe(told);
  });

  it("asks nothing about a tunnel without a name", async () => {
    await using gateway = answering(200, JSON.stringify({ sentence: "it is over" }));
    expect(await ask(gateway, { requestId: null })).toBeNull();
    expect(gateway.requests).toHaveLength(0);
  });

  it("takes a gateway that is gone for one that does not know", async () => {
    const gateway = answering(200, "");
    await gateway[Symbol.asyncDispose]();
    expect(await ask(gateway)).toBeNull();
  });

  it("does not wait for a gateway that does not answer, nor for one that does not finish", async () => {
    await using silent = startGateway(() => new Promise(() => {}));
    expect(await ask(silent, { timeoutMs: 50 })).toBeNull();
    await using slow = startGateway(async (_, stream) => {
      await stream.write(utf8("HTTP/1.1 200 OK\r\n\r\n{"));
      await new Promise(() => {});
    });
    expect(await ask(slow, { timeoutMs: 50 })).toBeNull();
  });

  it("gives up when it is told to", async () => {
    const stop = new AbortController();
    await using gateway = startGateway(() => {
      stop.abort();
      return new Promise(() => {});
    });
    expect(await ask(gateway, { signal: stop.signal })).toBeNull();
  });
});
