import { describe, expect, it } from "vitest";
import { WRITE_LIMITS } from "../../../lib/ssh/recording/sealed_file.ts";
import { verifyRecording } from "../../../lib/ssh/recording/verify_recording.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { until } from "../../_support/until.ts";
import { commandMeta, SHELL, testRecorder } from "./_recorder.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const modes = ["end", "continue"] as const;

/** A disk on which there is no room. */
const fullDisk = () => Deno.open("/dev/full", { write: true });

/** A disk on which there is room for so many bytes. */
function nearlyFullDisk(room: number) {
  return async (path: string) => {
    const [file, full] = [await Deno.open(path, { write: true, create: true }), await fullDisk()];
    let left = room;
    return {
      async write(bytes: Uint8Array) {
        if (left === 0) return await full.write(bytes);
        const count = await file.write(bytes.subarray(0, left));
        left -= count;
        return count;
      },
      syncData: () => file.syncData(),
      close() {
        file.close();
        full.close();
      },
    };
  };
}

describe("a recording that cannot be written", () => {
  it.runIf(Deno.build.os === "linux").each(modes)("from the begin on a full disk: %s", async (onFailure) => {
    await using test = await testRecorder({ onFailure, create: fullDisk });
    const begun = test.recorder.begin(SHELL);
    if (onFailure === "end") await expect(begun).rejects.toMatchObject({ code: "recording/unwritable" });
    else {
      const recording = await begun;
      recording.output(encode("x"));
      await recording.end(null);
      expect(recording.failed.aborted).toBe(false);
    }
    expect(test.logged).toEqual(["session cannot be recorded"]);
    expect(test.trail).toMatchObject([{
      event: "recording-failed",
      userId: "u-1",
      routeName: "prod",
      file: null,
    }]);
  });

  it("does not let a session begin where the folder cannot be made", async () => {
    const file = await Deno.makeTempFile();
    await using test = await testRecorder({ directory: `${file}/recordings` });
    await expect(test.recorder.begin(SHELL)).rejects.toMatchObject({ code: "recording/unwritable" });
    await Deno.remove(file);
  });

  it.runIf(Deno.build.os === "linux").each(modes)(
    "as the disk fills up in its midst: %s",
    async (onFailure) => {
      const clock = new ManualClock();
      await using test = await testRecorder({ onFailure, clock, create: nearlyFullDisk(3000) });
      const recording = await test.recorder.begin(SHELL);
      recording.output(encode("y".repeat(4000)));
      expect(recording.failed.aborted).toBe(false);
      clock.advance(WRITE_LIMITS.flushMs);
      await until(() => test.trail.length === 2);
      expect(recording.failed.aborted).toBe(onFailure === "end");
      expect(test.logged).toEqual(["session is recorded no more"]);
      expect(test.trail[1]).toMatchObject({
        event: "recording-failed",
        error: expect.stringMatching(/space/i),
      });
      recording.output(encode("more"));
      await recording.end({ code: 0 });
      expect(test.trail).toHaveLength(2);
      const verdict = await verifyRecording(test.path(), test.key);
      expect(verdict).toMatchObject({ state: "unfinished", verifiedLines: 2 });
      expect(Deno.statSync(test.path()).size).toBe(3000);
    },
  );

  it.each(modes)("as it has reached max_bytes is sealed, and says so: %s", async (onFailure) => {
    await using test = await testRecorder({ onFailure, maxBytes: 64 * 1024 });
    const recording = await test.recorder.begin(SHELL);
    for (let count = 0; count < 10; count++) recording.output(encode("z".repeat(10_000)));
    expect(recording.failed.aborted).toBe(onFailure === "end");
    await recording.end({ code: 0 });
    const marks = (test.lines().slice(1) as [number, string, string][]).filter(([, code]) => code === "m");
    expect(marks.map(([, , text]) => text)).toEqual(["The recording stops here: it has reached max_bytes"]);
    expect(Deno.statSync(test.path()).size).toBeLessThan(64 * 1024 + 1024);
    expect(await verifyRecording(test.path(), test.key)).toMatchObject({ state: "intact" });
    expect(test.trail.map(({ event }) => event)).toEqual(["recording-started", "recording-failed"]);
  });

  it("as the disk does not answer keeps no more than 16 MiB, and is given up at the end", async () => {
    const clock = new ManualClock();
    let writes = 0;
    await using test = await testRecorder({
      clock,
      create: () => {
        const write = (bytes: Uint8Array) =>
          ++writes === 1 ? Promise.resolve(bytes.length) : new Promise<number>(() => {});
        return Promise.resolve({ write, syncData: () => Promise.resolve(), close() {} });
      },
    });
    const recording = await test.recorder.begin(SHELL);
    let sent = 0;
    while (!recording.failed.aborted && sent < 40_000_000) {
      recording.output(encode("z".repeat(50_000)));
      sent += 50_000;
    }
    expect(sent).toBeLessThan(17 * 1024 * 1024);
    expect(sent).toBeGreaterThan(15 * 1024 * 1024);
    const ended = recording.end(null);
    clock.advance(WRITE_LIMITS.endMs);
    await ended;
    expect(test.trail.at(-1)).toMatchObject({
      event: "recording-failed",
      error: "the disk is too slow for it",
    });
  });

  it("counts the bytes of a command without keeping them", async () => {
    await using test = await testRecorder();
    const recording = await test.recorder.begin(commandMeta("exec", "rsync --server . x"));
    for (let count = 0; count < 1000; count++) recording.output(encode("q".repeat(30_000)));
    recording.input(encode("abc"));
    await recording.end({ code: 0 });
    expect(test.lines().at(-2)).toMatchObject({ event: "exit", code: 0, bytes_in: 3, bytes_out: 30_000_000 });
    expect(Deno.statSync(test.path()).size).toBeLessThan(4096);
  });
});
