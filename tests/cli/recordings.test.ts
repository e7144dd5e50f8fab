import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeBase64Url } from "../../lib/base/bytes.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { main } from "../../lib/cli/main.ts";
import { playRecording } from "../../lib/cli/play_recording.ts";
import { deriveKeys } from "../../lib/identity/keys.ts";
import { jsonAuditTrail } from "../../lib/observe/audit.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { DirectoryRecorder } from "../../lib/ssh/recording/directory_recorder.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { commandMeta, SHELL } from "../ssh/recording/_recorder.ts";
import { fakeIo } from "./_fake_io.ts";

const SECRET = new Uint8Array(32).fill(7);
const encode = (text: string) => new TextEncoder().encode(text);
let state: string;
let folder: string;
let names: string[];

/** A shell of 61.5 seconds and a copy, sealed; then a shell that goes on. */
beforeAll(async () => {
  state = await Deno.makeTempDir();
  folder = `${state}/recordings`;
  await Deno.writeTextFile(`${state}/shared-secret`, `${encodeBase64Url(SECRET)}\n`);
  const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  const { recordings: key } = await deriveKeys(SECRET);
  const recorder = new DirectoryRecorder({
    settings: () => ({ directory: null, onFailure: "end", maxBytes: 1e9 }),
    defaultDirectory: folder,
    key: () => key,
    clock,
    random: systemRandom,
    log: silentLog,
    audit: jsonAuditTrail({ sink: () => {}, now: () => 0 }),
  });
  const shell = await recorder.begin(SHELL);
  shell.output(encode("one\r\n"));
  clock.advance(500);
  shell.output(encode("\x1b[?1049hscreen"));
  clock.advance(61_000);
  shell.output(encode("\x1b[?10"));
  shell.output(encode("49l$ "));
  await shell.end({ code: 0 });
  clock.advance(60_000);
  const copy = await recorder.begin(commandMeta("exec", "scp -t /srv/\x1b[31mred"));
  copy.input(encode("C0644 2 a\x1b.txt\nhi\0"));
  await copy.end({ code: 0 });
  clock.advance(60_000);
  (await recorder.begin({ ...SHELL, kind: { type: "exec", name: "top" } })).output(encode("never written"));
  names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
});
afterAll(() => Deno.remove(state, { recursive: true }));

async function cli(...args: string[]) {
  const io = fakeIo();
  const code = await main(["recordings", ...args], io);
  return { code, out: io.out(), err: io.err() };
}
const here = () => ["--state-dir", state];

async function played(
  path: string,
  options: { speed?: number; idleLimitMs?: number; stopAfter?: number } = {},
) {
  const waits: number[] = [];
  const stop = new AbortController();
  let shown = "";
  await playRecording(path, {
    write: (text) => void (shown += text),
    speed: options.speed ?? 1,
    idleLimitMs: options.idleLimitMs ?? 86_400_000,
    signal: stop.signal,
    wait: (ms) => {
      if (waits.push(ms) === options.stopAfter) stop.abort();
      return Promise.resolve();
    },
  });
  return { waits, shown };
}

describe("recordings list", () => {
  it("shows who did what, where, when, and whether it is sealed", async () => {
    const { code, out } = await cli("list", ...here());
    expect(code).toBe(0);
    const size = (index: number) => Deno.statSync(`${folder}/${names[index]}`).size;
    expect(out.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["STARTED", "DURATION", "WHO", "ROUTE", "WHAT", "BYTES", "SEALED", "FILE"],
      [
        "2026-01-02T03:04:05Z",
        "1 min 2 s",
        "ann@example.com",
        "root@prod",
        "shell",
        `${size(0)}`,
        "yes",
        names[0],
      ],
      [
        "2026-01-02T03:06:06Z",
        "0 ms",
        "ann@example.com",
        "root@prod",
        "scp -t /srv/?[31mred",
        `${size(1)}`,
        "yes",
        names[1],
      ],
      ["2026-01-02T03:07:06Z", "0 ms", "ann@example.com", "root@prod", "top", `${size(2)}`, "no", names[2]],
    ]);
  });

  it("prints JSON", async () => {
    const { out } = await cli("list", "--json", ...here());
    expect(out).toMatch(/^[\x20-\x7e\n]*$/);
    expect(JSON.parse(out)[0]).toMatchObject({
      file: names[0],
      format: "cast",
      durationMs: 61_500,
      isSealed: true,
      user: "u-1",
      login: "root",
      upstream: "10.0.0.5:22",
    });
  });

  it("says so of a folder that is not there, and of a file that is none", async () => {
    expect(await cli("list", "--directory", `${state}/none`)).toEqual({
      code: 0,
      out: `there are no recordings in ${state}/none\n`,
      err: "",
    });
    const other = await Deno.makeTempDir();
    await Deno.writeTextFile(`${other}/x.cast`, '{"version": 2, "width": 80, "height": 24}\n');
    expect((await cli("list", "--directory", other)).out).toContain("recording/malformed");
    await Deno.remove(other, { recursive: true });
  });
});

describe("recordings verify", () => {
  it("is content with what is intact, and says how far the rest goes", async () => {
    const { code, out } = await cli("verify", ...here());
    expect(code).toBe(1);
    expect(out.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/\.cast: intact, \d+ lines$/),
      expect.stringMatching(/\.jsonl: intact, \d+ lines$/),
      expect.stringMatching(/\.cast: unfinished, intact up to line 2: it has no end$/),
    ]);
    expect((await cli("verify", names[0]!, ...here())).code).toBe(0);
  });

  it("names the first line that was changed", async () => {
    const changed = `${state}/changed.cast`;
    await Deno.writeTextFile(
      changed,
      (await Deno.readTextFile(`${folder}/${names[0]}`)).replace("screen", "SCREEN"),
    );
    const { code, out } = await cli("verify", changed, ...here());
    expect(code).toBe(1);
    expect(out).toMatch(/^\S+changed.cast: BROKEN at line 4: .*; intact up to line 2\n$/);
    expect(JSON.parse((await cli("verify", changed, "--json", ...here())).out)).toMatchObject([
      { file: changed, state: "broken", brokenLine: 4, verifiedLines: 2 },
    ]);
  });

  it("needs the secret of the gateway", async () => {
    const other = await Deno.makeTempDir();
    expect(await cli("verify", `${folder}/${names[0]}`, "--state-dir", other)).toMatchObject({
      code: 1,
      err: expect.stringContaining("shared secret"),
    });
    await Deno.writeTextFile(`${other}/shared-secret`, encodeBase64Url(new Uint8Array(32)));
    expect(await cli("verify", `${folder}/${names[0]}`, "--state-dir", other)).toMatchObject({
      code: 1,
      out: expect.stringContaining("not verified: it is sealed with the key"),
    });
    await Deno.remove(other, { recursive: true });
  });
});

describe("recordings play", () => {
  const RESET = "\x1b[!p\x1b[0m\x1b(B\x0f\x1b[?25h\x1b[?7h\x1b[?1000;1002;1003;1004;1006;2004l\r\n";

  it("shows what the terminal showed, and resets it", async () => {
    const { code, out } = await cli("play", names[0]!, "--speed", "1000", ...here());
    expect(code).toBe(0);
    expect(out).toBe(`one\r\n\x1b[?1049hscreen\x1b[?1049l$ ${RESET}`);
  });

  it.each([
    [{}, [500, 61_000]],
    [{ speed: 2 }, [250, 30_500]],
    [{ idleLimitMs: 2000 }, [500, 2000]],
    [{ idleLimitMs: 2000, speed: 4 }, [125, 500]],
  ])("keeps the pace: %j", async (options, expected) => {
    const { waits } = await played(`${folder}/${names[0]}`, options);
    expect(waits.map(Math.round)).toEqual(expected);
  });

  it("leaves the other screen when it is interrupted there", async () => {
    const { shown } = await played(`${folder}/${names[0]}`, { stopAfter: 2 });
    expect(shown).toBe(`one\r\n\x1b[?1049hscreen\x1b[?1049l${RESET}`);
  });

  it("tells the events of a session without terminal, and steers no terminal with them", async () => {
    const { out } = await cli("play", names[1]!.slice(0, 16), ...here());
    expect(out).toBe(
      "0.000  upload  path=a?.txt  size=2  bytes=2\n0.000  exit  code=0  bytes_in=18  bytes_out=0\n",
    );
  });

  it.each([
    [["play"], "RECORDING is missing"],
    [["play", "nothing-like-it"], "No recording in"],
    [["play", "2026"], "More than one recording in"],
    [["play", "x", "--speed", "0"], "--speed must be"],
    [["play", "x", "--idle-limit", "fast"], "--idle-limit must be"],
    [["erase"], "There is no action erase"],
  ])("refuses %j", async (args, message) => {
    expect(await cli(...args, ...here())).toMatchObject({ code: 2, err: expect.stringContaining(message) });
  });
});
