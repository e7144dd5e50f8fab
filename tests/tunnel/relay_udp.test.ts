import { beforeEach, describe, expect, it } from "vitest";
import { CodecError } from "../../lib/codec/codec_error.ts";
import type { TunnelCounters } from "../../lib/tunnel/registry.ts";
import { relayUdp } from "../../lib/tunnel/relay_udp.ts";
import type { TunnelEndReason } from "../../lib/tunnel/tunnel_end.ts";
import { type TestFlow, testFlow } from "./_flows.ts";

let client: TestFlow;
let service: TestFlow;
let abort: AbortController;
let counters: TunnelCounters;
let lost: string[];
let passed: string[];
let verdict: "rate-limit" | "reply-ratio" | null;
let done: Promise<TunnelEndReason>;

beforeEach(() => {
  client = testFlow({ maxPayloadBytes: 8 });
  service = testFlow({ maxPayloadBytes: 4 });
  abort = new AbortController();
  counters = { bytesUp: 0, bytesDown: 0, packetsUp: 0, packetsDown: 0 };
  [lost, passed, verdict] = [[], [], null];
  const permit = {
    check: () => verdict,
    passed: (direction: string, bytes: number) => void passed.push(`${direction} ${bytes}`),
    lost: (cause: string) => void lost.push(cause),
  };
  done = relayUdp(client, service, { counters, signal: abort.signal, permit });
});

describe("relayUdp()", () => {
  it("passes each datagram on at once, in order, the empty one too, and counts", () => {
    for (const text of ["ab", "", "c"]) client.deliver(text);
    service.deliver("reply");
    expect([service.sent, client.sent]).toEqual([["ab", "", "c"], ["reply"]]);
    expect(counters).toEqual({ bytesUp: 3, bytesDown: 5, packetsUp: 3, packetsDown: 1 });
    expect(passed).toEqual(["up 2", "up 0", "up 1", "down 5"]);
    expect(lost).toEqual([]);
  });

  it.each<[string, () => void]>([
    ["too-large", () => client.deliver("12345")],
    ["congested", () => {
      service.isOpen = false;
      client.deliver("1");
    }],
    ["rate-limit", () => {
      verdict = "rate-limit";
      client.deliver("1");
    }],
    ["reply-ratio", () => {
      verdict = "reply-ratio";
      service.deliver("1");
    }],
  ])("drops what is %s, says so, and goes on", (cause, provoke) => {
    provoke();
    expect([lost, counters.packetsUp, counters.packetsDown]).toEqual([[cause], 0, 0]);
    verdict = null;
    service.isOpen = true;
    client.deliver("next");
    expect([service.sent, client.sent]).toEqual([["next"], []]);
  });

  it.each<[string, string, () => void]>([
    ["the client ends", "completed", () => client.end()],
    ["the client breaks", "client-reset", () => client.end(new Error("reset"))],
    [
      "the client sends nonsense",
      "protocol-error",
      () => client.end(new CodecError("codec/truncated", "short")),
    ],
    ["the socket of the service fails", "upstream-reset", () => service.end(new Error("bad descriptor"))],
    ["it is told to", "session-ended", () => abort.abort("session-ended")],
  ])("ends when %s: %s, and passes nothing on any more", async (_what, reason, provoke) => {
    provoke();
    expect(await done).toBe(reason);
    expect([service.isClosed, client.isClosed]).toEqual([true, false]);
    client.deliver("late");
    service.deliver("late");
    expect([service.sent, client.sent, lost]).toEqual([[], [], []]);
  });

  it("ends at once when it was told to before it began", async () => {
    const late = testFlow();
    const permit = { check: () => null, passed() {}, lost() {} };
    const signal = AbortSignal.abort("gateway-stopping");
    expect(await relayUdp(testFlow(), late, { counters, signal, permit })).toBe("gateway-stopping");
    expect(late.isClosed).toBe(true);
  });
});
