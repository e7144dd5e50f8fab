import { describe, expect, it } from "vitest";
import { jsonLog, type LogLevel, silentLog } from "../../lib/observe/log.ts";

const LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];

function logOf(level: LogLevel) {
  const lines: string[] = [];
  const log = jsonLog({
    level,
    sink: (line) => lines.push(line),
    now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  });
  return { log, lines };
}

describe("jsonLog()", () => {
  it.each(LEVELS.map((level, index) => [level, LEVELS.slice(index)] as const))(
    "of level %s writes %j",
    (level, written) => {
      const { log, lines } = logOf(level);
      for (const each of LEVELS) log[each]("hello");
      expect(lines.map((line) => JSON.parse(line).level)).toEqual(written);
    },
  );

  it("writes level, time, message and the fields, in this order", () => {
    const { log, lines } = logOf("info");
    log.warn("it broke", { port: 8443, tags: ["a"], nothing: null });
    expect(lines).toEqual([
      '{"level":"warn","time":"2026-01-02T03:04:05.006Z","message":"it broke","port":8443,"tags":["a"],"nothing":null}',
    ]);
  });

  it("leaves out fields that are undefined", () => {
    const { log, lines } = logOf("info");
    log.info("hello", { absent: undefined });
    expect(JSON.parse(lines[0]!)).not.toHaveProperty("absent");
  });

  it.each(["two\nlines", "\r\u2028", 'a "quote"', "\0\x1b[31m", "\ud800"])(
    "makes one line of JSON out of %j",
    (text) => {
      const { log, lines } = logOf("info");
      log.info(text, { text });
      expect(lines).toHaveLength(1);
      // deno-lint-ignore no-control-regex -- that there is none is what is tested
      expect(lines[0]).not.toMatch(/[\x00-\x1f]/);
      expect(JSON.parse(lines[0]!)).toMatchObject({ message: text, text });
    },
  );
});

describe("silentLog", () => {
  it("takes every level", () => {
    for (const level of LEVELS) expect(silentLog[level]("hello")).toBeUndefined();
  });
});
