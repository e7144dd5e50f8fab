import { describe, expect, it } from "vitest";
import { ChangeFeed, CHANGES_PER_READ, type NumberedChange } from "../../lib/store/_change_feed.ts";

/** A log in memory, which can be cut at its beginning. */
function logOf(
  length: number,
): { changes: NumberedChange[]; head(): number; after(seq: number): NumberedChange[] } {
  const changes = Array.from(
    { length },
    (_, index) => ({ seq: index + 1, kind: "user" as const, id: `${index + 1}` }),
  );
  return {
    changes,
    head: () => length,
    after(seq) {
      return this.changes.filter((change) => change.seq > seq).slice(0, CHANGES_PER_READ);
    },
  };
}

/** Wakes a feed on `log` once, and answers what a watcher from `after` on hears. */
async function heard(log: ReturnType<typeof logOf>, after: number): Promise<string[]> {
  const ids: string[] = [];
  const feed = new ChangeFeed(log);
  using _watch = feed.watch((changes) => ids.push(...changes.map(({ kind, id }) => kind + id)), { after });
  feed.wake();
  while (feed.isReading) await Promise.resolve();
  return ids;
}

describe("ChangeFeed", () => {
  it("reads a long log in pieces, and all of it", async () => {
    expect(await heard(logOf(2 * CHANGES_PER_READ + 1), 0)).toHaveLength(2 * CHANGES_PER_READ + 1);
  });

  it.each([
    ["a part", (changes: NumberedChange[]) => changes.slice(2)],
    ["all", () => []],
  ])("tells of one change of everything when %s of what it had not read was pruned", async (_, prune) => {
    const log = logOf(5);
    log.changes = prune(log.changes);
    expect(await heard(log, 1)).toEqual(["all"]);
  });

  it("does not mind the pruning of what it has read", async () => {
    const log = logOf(5);
    log.changes = log.changes.slice(2);
    expect(await heard(log, 2)).toEqual(["user3", "user4", "user5"]);
  });

  it("tells of one change of everything when the log has gone back to an earlier state", async () => {
    expect(await heard(logOf(5), 9)).toEqual(["all"]);
  });

  it("says that the log cannot be read, and tells what was missed when it can again", async () => {
    const log = logOf(3);
    const { head } = log;
    const failure = new Error("gone");
    const ids: string[] = [];
    const errors: unknown[] = [];
    const feed = new ChangeFeed(log);
    using _watch = feed.watch((changes) => ids.push(...changes.map(({ id }) => id)), {
      after: 1,
      onError: (error) => void errors.push(error),
    });
    log.head = () => {
      throw failure;
    };
    feed.wake();
    while (feed.isReading) await Promise.resolve();
    expect([errors, ids, feed.isDue]).toEqual([[failure], [], true]);
    log.head = head;
    feed.wake();
    while (feed.isReading) await Promise.resolve();
    expect([ids, feed.isDue]).toEqual([["2", "3"], false]);
  });
});
