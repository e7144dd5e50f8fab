import { describe, expect, it } from "vitest";
import { utf8 } from "../../../lib/base/bytes.ts";
import type { LostTunnel, ToWorker, WorkerStart } from "../../../lib/gateway/workers/messages.ts";
import type { ProcessEnd, WorkerProcess } from "../../../lib/gateway/workers/worker_process.ts";
import { WorkerSlot } from "../../../lib/gateway/workers/worker_slot.ts";
import { silentLog } from "../../../lib/observe/log.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { until } from "../../_support/until.ts";

/** A process of which a test says what it writes, and when it ends. */
class FakeProcess implements WorkerProcess {
  readonly output: ReadableStream<Uint8Array>;
  readonly ended: Promise<ProcessEnd>;
  readonly heard: ToWorker[] = [];
  isHungUp = false;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #end!: (end: ProcessEnd) => void;

  constructor() {
    this.output = new ReadableStream({ start: (controller) => void (this.#controller = controller) });
    this.ended = new Promise((resolve) => this.#end = resolve);
  }

  write(text: string): void {
    this.heard.push(JSON.parse(text));
  }

  hangUp(): void {
    this.isHungUp = true;
  }

  kill(): void {
    this.end({ code: 137, signal: "SIGKILL" });
  }

  says(text: string): void {
    this.#controller.enqueue(utf8(text));
  }

  ready(): void {
    this.says('!{"kind":"ready","pid":1,"url":"https://localhost:1","authorityFile":null}\n');
  }

  end(end: ProcessEnd): void {
    try {
      this.#controller.close();
    } catch {
      // Who reads has given up.
    }
    this.#end(end);
  }
}

const start: WorkerStart = {
  number: 2,
  shared: { snapshot: { file: "f", texts: {}, variables: {} }, ports: { tls: 1, ssh: 0 }, revision: 1 },
  stateDirectory: "s",
  instance: "i",
  socketFolder: "f",
};
const opened = '{"level":"info","time":"1970-01-01T00:00:00.000Z","message":"tunnel opened",' +
  '"request-id":"r1","method":"CONNECT","host":"x:1","session-id":"s1"}\n';

function slotOf() {
  const clock = new ManualClock();
  const processes: FakeProcess[] = [];
  const lines: string[] = [];
  const messages: unknown[] = [];
  const ends: (readonly LostTunnel[])[] = [];
  const slot = new WorkerSlot({
    number: 2,
    startWorker: () => {
      const process = new FakeProcess();
      processes.push(process);
      return process;
    },
    startWith: () => Promise.resolve(start),
    notices: () => [{ kind: "posted", worker: 1, key: "k", value: 1 }],
    onMessage: (message) => messages.push(message),
    onEnded: (tunnels) => ends.push(tunnels),
    sink: (text) => lines.push(...text.split("\n").slice(0, -1)),
    clock,
    log: silentLog,
  });
  return { clock, processes, lines, messages, ends, slot };
}

/** A slot whose process listens. */
async function startedSlot() {
  const parts = slotOf();
  const starting = parts.slot.start();
  const process = await until(() => parts.processes[0]);
  process.ready();
  await starting;
  return { ...parts, process };
}

describe("WorkerSlot", () => {
  it("tells a process how to begin and what others say, and hears that it listens", async () => {
    const { process, slot } = await startedSlot();
    expect(process.heard).toEqual([
      { kind: "start", start },
      { kind: "posted", worker: 1, key: "k", value: 1 },
    ]);
    expect(slot.ready).toMatchObject({ url: "https://localhost:1" });
  });

  it("tells messages from lines of the log, however they come", async () => {
    const { process, lines, messages } = await startedSlot();
    process.says('{"message":"one"}\n!{"kind":"po');
    process.says('st","key":"a","value":2}\n{"message":"two"}\n');
    await until(() => lines.length === 2);
    expect(lines).toEqual(['{"message":"one"}', '{"message":"two"}']);
    expect(messages).toEqual([{ kind: "post", key: "a", value: 2 }]);
  });

  it("says the end of tunnels whose process has ended, and starts another", async () => {
    const { process, lines, ends, processes, slot, clock } = await startedSlot();
    process.says(opened);
    process.end({ code: 139, signal: "SIGSEGV" });
    await until(() => ends.length === 1);
    expect(ends).toEqual([[{ id: "r1", sessionId: "s1" }]]);
    expect(JSON.parse(lines[1]!)).toMatchObject({
      message: "tunnel ended",
      reason: "worker-ended",
      host: "x:1",
    });
    expect(slot.ready).toBeNull();
    clock.advance(100);
    (await until(() => processes[1])).ready();
    await until(() => slot.ready !== null);
  });

  it("waits twice as long after each failure, half a minute at most, until one was well for a minute", async () => {
    const { process, processes, ends, slot, clock } = await startedSlot();
    process.end({ code: 1, signal: null });
    for (
      const [i, delayMs] of [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000].entries()
    ) {
      await until(() => ends.length === i + 1);
      clock.advance(delayMs - 1);
      expect(processes).toHaveLength(i + 1);
      clock.advance(1);
      (await until(() => processes[i + 1])).end({ code: 1, signal: null });
    }
    await until(() => ends.length === 12);
    clock.advance(30_000);
    const well = await until(() => processes[12]);
    well.ready();
    await until(() => slot.ready !== null);
    clock.advance(60_000);
    well.end({ code: 1, signal: null });
    await until(() => ends.length === 13);
    clock.advance(100);
    await until(() => processes[13]);
  });

  it.each([
    [
      "it says why it cannot",
      '!{"kind":"failed","message":"no port","hint":"another"}\n',
      /Worker 2 cannot start: no port/,
    ],
    ["it ends", "", /Worker 2 ended: with exit code 1/],
  ])("fails to start when %s", async (_, says, message) => {
    const { slot, processes, clock } = slotOf();
    const starting = slot.start();
    const process = await until(() => processes[0]);
    process.says(says);
    process.end({ code: 1, signal: null });
    await expect(starting).rejects.toThrow(message);
    clock.advance(60_000);
    expect(processes).toHaveLength(1);
  });

  it("ends a process that does not come to listen in a minute, and one that does not end in ten seconds", async () => {
    const { slot, processes, clock } = slotOf();
    const starting = slot.start();
    await until(() => processes[0]);
    clock.advance(60_000);
    await expect(starting).rejects.toThrow("by SIGKILL");
    const { slot: stopping, process, clock: time } = await startedSlot();
    const stopped = stopping.stop();
    expect(process.heard.at(-1)).toEqual({ kind: "stop" });
    expect(process.isHungUp).toBe(true);
    time.advance(10_000);
    await stopped;
  });

  it("ends a process that cannot be understood", async () => {
    const { process, ends } = await startedSlot();
    process.says("!no JSON\n");
    await until(() => ends.length === 1);
  });

  it("starts no other once it is to stop", async () => {
    const { process, ends, processes, slot, clock } = await startedSlot();
    const stopped = slot.stop();
    process.end({ code: 0, signal: null });
    await stopped;
    await until(() => ends.length === 1);
    clock.advance(60_000);
    expect(processes).toHaveLength(1);
  });
});
