import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Recording } from "../../../lib/ssh/handlers.ts";
import { verifyRecording } from "../../../lib/ssh/recording/verify_recording.ts";
import { deriveKeys } from "../../../lib/identity/keys.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { start } from "../../_support/programs.ts";
import { until } from "../../_support/until.ts";
import { commandMeta, SHELL, testKey, testRecorder } from "./_recorder.ts";

type Step =
  | { readonly type: "output"; readonly bytes: Uint8Array }
  | { readonly type: "input"; readonly bytes: Uint8Array }
  | { readonly type: "resize"; readonly columns: number; readonly rows: number }
  | { readonly type: "wait"; readonly ms: number };

const bytes = fc.uint8Array({ maxLength: 40 });
const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant("output" as const), bytes }),
    fc.record({ type: fc.constant("input" as const), bytes }),
    fc.record({ type: fc.constant("resize" as const), columns: fc.nat(300), rows: fc.nat(300) }),
    fc.record({ type: fc.constant("wait" as const), ms: fc.nat(1500) }),
  ),
  { maxLength: 25 },
);
const kind = fc.constantFrom(SHELL, commandMeta("exec", "make"), commandMeta("subsystem", "sftp"));

async function take(recording: Recording, step: Step, clock: ManualClock): Promise<void> {
  if (step.type === "output") recording.output(step.bytes);
  else if (step.type === "input") recording.input(step.bytes);
  else if (step.type === "resize") recording.resize(step);
  else clock.advance(step.ms);
  await new Promise((resolve) => setTimeout(resolve));
}

async function recorded(taken: readonly Step[], meta = SHELL) {
  const clock = new ManualClock();
  const test = await testRecorder({ clock });
  const recording = await test.recorder.begin(meta);
  for (const step of taken) await take(recording, step, clock);
  await recording.end({ code: 0 });
  return test;
}

async function verdictOf(lines: readonly string[], key: CryptoKey) {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, lines.join(""));
    return await verifyRecording(file, key);
  } finally {
    await Deno.remove(file);
  }
}

const shown: Step[] = Array.from({ length: 6 }, (_, index) => [
  { type: "output" as const, bytes: new Uint8Array([0x61 + index]) },
  { type: "wait" as const, ms: index % 2 === 0 ? 300 : 1200 },
]).flat();

async function linesOfShown() {
  await using test = await recorded(shown);
  return { key: test.key, lines: Deno.readTextFileSync(test.path()).match(/[^\n]*\n/g)! };
}

describe("the seals of a recording", () => {
  it("verify, whatever happens in a session, and in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(steps, kind, async (taken, meta) => {
        await using test = await recorded(taken, meta);
        const verdict = await verifyRecording(test.path(), test.key);
        expect(verdict).toMatchObject({ state: "intact", brokenLine: null });
        expect(verdict.verifiedLines).toBe(test.lines().length);
        expect(test.trail.at(-1)).toMatchObject({ event: "recording-ended", seal: { lines: verdict.lines } });
      }),
      { numRuns: 40 },
    );
  });

  it("show any line that was changed, removed, added or moved", async () => {
    const { key, lines } = await linesOfShown();
    const at = fc.nat(lines.length - 1);
    const damage = fc.oneof(
      fc.record({
        type: fc.constant("change" as const),
        at,
        offset: fc.nat(10_000),
        by: fc.integer({ min: 1, max: 94 }),
      }),
      fc.record({ type: fc.constant("remove" as const), at, count: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ type: fc.constant("repeat" as const), at }),
      fc.record({ type: fc.constant("swap" as const), at, other: at }),
    );
    await fc.assert(
      fc.asyncProperty(damage, async (damage) => {
        const damaged = [...lines];
        const line = damaged[damage.at]!;
        if (damage.type === "change") {
          const offset = damage.offset % (line.length - 1);
          const code = 0x20 + (line.charCodeAt(offset) - 0x20 + damage.by) % 95;
          damaged[damage.at] = line.slice(0, offset) + String.fromCharCode(code) + line.slice(offset + 1);
        } else if (damage.type === "remove") damaged.splice(damage.at, damage.count);
        else if (damage.type === "repeat") damaged.splice(damage.at, 0, line);
        else [damaged[damage.at], damaged[damage.other]] = [damaged[damage.other]!, line];
        if (damaged.join("") === lines.join("")) return;
        const verdict = await verdictOf(damaged, key);
        // Without its last seal, what is there of it cannot be told from what was not sealed yet.
        const isBegin = lines.join("").startsWith(damaged.slice(0, lines.length - 1).join(""));
        const wrongKey = damage.at === 0 && verdict.state === "other-key";
        if (isBegin) expect(verdict.state).not.toBe("intact");
        else if (!wrongKey) expect(verdict.state).toBe("broken");
        expect(verdict.verifiedLines).toBeLessThanOrEqual(damage.at + 1);
      }),
      { numRuns: 300 },
    );
  });

  it("name the first line that is not as it was", async () => {
    const { key, lines } = await linesOfShown();
    for (const [index, line] of lines.entries()) {
      if (index === 0 || line.includes('"s"')) continue;
      const damaged = lines.with(index, line.replace(/"[a-z]"\]/, '"~"]').replace('"x"', '"X"'));
      expect(damaged[index]).not.toBe(line);
      expect(await verdictOf(damaged, key)).toMatchObject({ state: "broken", brokenLine: index + 1 });
      expect(await verdictOf(lines.toSpliced(index, 1), key)).toMatchObject({
        state: "broken",
        brokenLine: index + 1,
      });
    }
  });

  it("leave a prefix that verifies, wherever the gateway was killed", async () => {
    const { key, lines } = await linesOfShown();
    const whole = lines.join("");
    const ends = lines.map((_, index) => lines.slice(0, index + 1).join("").length);
    for (let length = ends[1]!; length < whole.length; length += 7) {
      const verdict = await verdictOf([whole.slice(0, length)], key);
      expect(verdict.state).toBe("unfinished");
      const written = ends.filter((end) => end <= length).length;
      expect(verdict.verifiedLines).toBe(
        lines.findLastIndex((line, index) => index < written && line.includes('"s"')) + 1,
      );
    }
  });

  it("hold for a process that was really killed", async () => {
    const folder = await Deno.makeTempDir();
    const script = new URL("_killed.ts", import.meta.url).pathname;
    const { process } = start([Deno.execPath(), ["run", "-A", "--no-check", script, folder]]);
    const sizeOf = (file: Deno.DirEntry | undefined) => file && Deno.statSync(`${folder}/${file.name}`).size;
    await until(() => (sizeOf([...Deno.readDirSync(folder)][0]) ?? 0) > 10_000_000);
    process.kill("SIGKILL");
    await process.status;
    const [file] = [...Deno.readDirSync(folder)];
    const verdict = await verifyRecording(
      `${folder}/${file!.name}`,
      (await deriveKeys(new Uint8Array(32))).recordings,
    );
    expect(verdict).toMatchObject({ state: "unfinished", brokenLine: null });
    expect(verdict.verifiedLines).toBeGreaterThan(5000);
    await Deno.remove(folder, { recursive: true });
  });

  it("cannot be made with another key", async () => {
    const { key, lines } = await linesOfShown();
    expect(await verdictOf(lines, await testKey())).toMatchObject({ state: "other-key", verifiedLines: 0 });
    await using other = await recorded(shown);
    const theirs = Deno.readTextFileSync(other.path()).match(/[^\n]*\n/g)!;
    const ownKeyName = (JSON.parse(lines[0]!) as { sallyport: { seal_key: string } }).sallyport.seal_key;
    const forged = theirs.with(0, theirs[0]!.replace(/"seal_key":"\w+"/, `"seal_key":"${ownKeyName}"`));
    expect(await verdictOf(forged, key)).toMatchObject({ state: "broken", brokenLine: 2 });
  });

  it("allow nothing after the last", async () => {
    const { key, lines } = await linesOfShown();
    expect(await verdictOf([...lines, '[9,"o","x"]\n'], key)).toMatchObject({
      state: "broken",
      brokenLine: lines.length + 1,
    });
  });

  it("are not believed of a line that no recorder writes", async () => {
    const { key, lines } = await linesOfShown();
    const long = `${"x".repeat(5 * 1024 * 1024)}\n`;
    expect(await verdictOf(lines.toSpliced(2, 0, long), key)).toMatchObject({
      state: "broken",
      brokenLine: 3,
    });
  });
});
