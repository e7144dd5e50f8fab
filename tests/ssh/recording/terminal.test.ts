import { describe, expect, it } from "vitest";
import { verifyRecording } from "../../../lib/ssh/recording/verify_recording.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { hasPeer } from "../../_support/peers.ts";
import { run } from "../../_support/programs.ts";
import { until } from "../../_support/until.ts";
import { SHELL, testRecorder } from "./_recorder.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** The fields of the header that the format (docs.asciinema.org/manual/asciicast/v2) knows, with their types. */
const HEADER_TYPES: Record<string, string> = {
  version: "number",
  width: "number",
  height: "number",
  timestamp: "number",
  duration: "number",
  idle_time_limit: "number",
  command: "string",
  title: "string",
  env: "object",
  theme: "object",
};

describe("a recording of a terminal", () => {
  it("is asciicast v2: a header with the fields of the format, then events of three elements whose times rise", async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
    await using test = await testRecorder({ clock });
    const recording = await test.recorder.begin({ ...SHELL, kind: { type: "exec", name: "htop" } });
    clock.advance(1234.5678);
    recording.output(encode("\x1b[1mHällo\u009b\r\n"));
    clock.advance(500);
    recording.resize({ columns: 120, rows: 40 });
    await recording.end({ code: 3 });
    const [header, ...events] = test.lines() as [Record<string, unknown>, ...[number, string, string][]];
    expect(header).toMatchObject({
      version: 2,
      width: 100,
      height: 30,
      timestamp: Math.floor(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000),
      command: "htop",
      title: "ann@example.com: root@prod",
      env: { TERM: "xterm-256color" },
      sallyport: {
        user: "u-1",
        email: "ann@example.com",
        route_name: "prod",
        upstream: "10.0.0.5:22",
        connection: "c-1",
      },
    });
    for (const [field, value] of Object.entries(header)) {
      if (field !== "sallyport") expect(typeof value, field).toBe(HEADER_TYPES[field]);
    }
    expect(events.filter(([, code]) => code !== "s")).toEqual([
      [1.234568, "o", "\x1b[1mHällo\u009b\r\n"],
      [1.734568, "r", "120x40"],
      [1.734568, "x", "3"],
    ]);
    for (const [index, event] of events.entries()) {
      expect(event).toHaveLength(3);
      expect(event[0]).toBeGreaterThanOrEqual(events[index - 1]?.[0] ?? 0);
      expect(event[1]).toMatch(/^[orsxm]$/);
    }
    expect(Deno.readTextFileSync(test.path())).toMatch(/^[^\x7f-\x9f\u2028\u2029]*$/);
  });

  it.each([1, 2, 3])("keeps a character whole that comes in pieces of %i bytes", async (size) => {
    await using test = await testRecorder();
    const recording = await test.recorder.begin(SHELL);
    const bytes = encode("a€𝄞é");
    for (let at = 0; at < bytes.length; at += size) recording.output(bytes.subarray(at, at + size));
    await recording.end(null);
    const shown = (test.lines().slice(1) as [number, string, string][]).filter(([, code]) => code === "o");
    expect(shown.map(([, , data]) => data).join("")).toBe("a€𝄞é");
  });

  it("holds nothing of what is typed", async () => {
    await using test = await testRecorder();
    const recording = await test.recorder.begin(SHELL);
    recording.output(encode("Password: "));
    recording.input(encode("hunter2\r"));
    recording.output(encode("\r\nwelcome hunter\r\n"));
    await recording.end({ code: 0 });
    expect(Deno.readTextFileSync(test.path())).not.toContain("hunter2");
  });

  it("writes what was shown within a second, and seals it", async () => {
    const clock = new ManualClock();
    await using test = await testRecorder({ clock });
    const recording = await test.recorder.begin(SHELL);
    recording.output(encode("now"));
    expect(test.lines()).toHaveLength(2);
    clock.advance(1000);
    await until(() => test.lines().length === 4);
    expect(await verifyRecording(test.path(), test.key)).toMatchObject({
      state: "unfinished",
      verifiedLines: 4,
    });
    await recording.end(null);
  });

  it("is a file for its owner only, in a folder for its owner only", async () => {
    await using test = await testRecorder();
    await (await test.recorder.begin(SHELL)).end({ code: 0 });
    expect(Deno.statSync(test.path()).mode! & 0o777).toBe(0o600);
    expect(Deno.statSync(test.folder).mode! & 0o777).toBe(0o700);
  });

  it.each([[0, 0, 80, 24], [70_000, 3, 65_535, 3]])(
    "has a size that players take for %i x %i",
    async (columns, rows, width, height) => {
      await using test = await testRecorder();
      await (await test.recorder.begin({ ...SHELL, pty: { ...SHELL.pty!, columns, rows } })).end(null);
      expect(test.lines()[0]).toMatchObject({ width, height });
    },
  );

  it.skipIf(!hasPeer("asciinema") || !hasPeer("script"))("is played by asciinema", async () => {
    await using test = await testRecorder();
    const recording = await test.recorder.begin(SHELL);
    recording.output(encode("first line\r\n"));
    recording.resize({ columns: 90, rows: 20 });
    recording.output(encode("second ünë\r\n"));
    await recording.end({ code: 0 });
    // Some versions of it need a terminal.
    const { code, stdout } = await run(["script", ["-qec", `asciinema cat ${test.path()}`, "/dev/null"]]);
    expect(new TextDecoder().decode(stdout)).toMatch(/first line\r+\nsecond ünë\r+\n/);
    expect(code).toBe(0);
  });
});
