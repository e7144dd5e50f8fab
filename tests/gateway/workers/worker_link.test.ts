import { describe, expect, it } from "vitest";
import type { FromWorker, LostTunnel, ToWorker } from "../../../lib/gateway/workers/messages.ts";
import { shareLimits } from "../../../lib/gateway/workers/shared_limits.ts";
import { type Notice, WorkerLink } from "../../../lib/gateway/workers/worker_link.ts";
import { AttemptLimiter } from "../../../lib/identity/attempt_limiter.ts";
import { Penalties } from "../../../lib/ssh/penalties.ts";
import { ManualClock } from "../../_support/manual_clock.ts";

const posted = (worker: number, key: string, value: unknown): ToWorker => ({
  kind: "posted",
  worker,
  key,
  value,
});

describe("WorkerLink", () => {
  it("tells of notices that were up before, then of each change, and of the end of those of a worker that is gone", () => {
    const link = new WorkerLink(1, () => {});
    link.receive(posted(2, "a", 1));
    link.receive(posted(2, "b", 2));
    link.receive(posted(3, "a", 3));
    link.receive(posted(2, "b", null));
    const heard: Notice[] = [];
    const lost: LostTunnel[] = [];
    link.onLost = (tunnels) => lost.push(...tunnels);
    const following = link.follow((notice) => heard.push(notice));
    link.receive(posted(3, "a", 4));
    link.receive({ kind: "gone", worker: 3, tunnels: [{ id: "t", sessionId: null }] });
    following[Symbol.dispose]();
    link.receive(posted(2, "c", 5));
    expect(heard).toEqual([
      { worker: 2, key: "a", value: 1 },
      { worker: 3, key: "a", value: 3 },
      { worker: 3, key: "a", value: 4 },
      { worker: 3, key: "a", value: null },
    ]);
    expect(lost).toEqual([{ id: "t", sessionId: null }]);
  });

  it("says what is for all to the supervisor", () => {
    const said: FromWorker[] = [];
    const link = new WorkerLink(1, (message) => said.push(message));
    link.post("a", { b: 1 });
    link.say("topic", 2);
    expect(said).toEqual([
      { kind: "post", key: "a", value: { b: 1 } },
      { kind: "say", topic: "topic", value: 2 },
    ]);
  });
});

describe("shareLimits()", () => {
  /** As many workers as are asked for, each of which hears what the others say. */
  function workers(count: number) {
    const clock = new ManualClock();
    const all = Array.from({ length: count }, (_, index) => {
      const link = new WorkerLink(index + 1, (message) => {
        if (message.kind !== "say") return;
        const heard = JSON.parse(JSON.stringify({ ...message, kind: "said", worker: index + 1 }));
        for (const other of all) if (other.link !== link) other.link.receive(heard);
      });
      return { link, limiter: new AttemptLimiter({ clock }), penalties: new Penalties(clock) };
    });
    for (const { link, ...limits } of all) shareLimits(link, limits);
    return { all, clock };
  }

  it("spraying passwords over workers gains nothing: 20 in a minute from one address, all together", () => {
    const { all } = workers(3);
    const allowed = Array.from(
      { length: 60 },
      (_, i) => all[i % 3]!.limiter.check({ address: "192.0.2.1", account: `user-${i}` }).allowed,
    );
    expect(allowed.filter(Boolean)).toHaveLength(20);
  });

  it("lets an account start afresh everywhere once its password was right", () => {
    const { all } = workers(2);
    const attempt = { address: "192.0.2.1", account: "ada" };
    for (let i = 0; i < 3; i++) expect(all[0]!.limiter.check(attempt).allowed).toBe(true);
    expect(all[1]!.limiter.check(attempt).allowed).toBe(false);
    all[0]!.limiter.succeeded(attempt);
    expect(all[1]!.limiter.check(attempt).allowed).toBe(true);
  });

  it("turns a host of SSH away that fails at one after the other, until its user has signed in at any", () => {
    const { all } = workers(3);
    for (let i = 0; i < 7; i++) all[i % 3]!.penalties.add("192.0.2.1", "sign-in-failed");
    expect(all.map(({ penalties }) => penalties.isRefused("192.0.2.1"))).toEqual([true, true, true]);
    all[2]!.penalties.forgive("192.0.2.1");
    expect(all.map(({ penalties }) => penalties.isRefused("192.0.2.1"))).toEqual([false, false, false]);
  });
});
