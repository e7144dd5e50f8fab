import { jsonLine } from "./json_line.ts";

/** How much a line matters. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** Fields of a log line. Values must be JSON values; never put a token, cookie, key, password or payload in one. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the program says what it does. Passed in, never global. */
export interface Log {
  /** Every step, for whoever looks for a fault in the program. */
  trace(message: string, fields?: LogFields): void;
  /** What is normal but may explain a complaint, such as a connection that failed. */
  debug(message: string, fields?: LogFields): void;
  /** What an operator wants to see in the normal course, such as the start. */
  info(message: string, fields?: LogFields): void;
  /** Something is wrong and was coped with. */
  warn(message: string, fields?: LogFields): void;
  /** Something failed that should not have. */
  error(message: string, fields?: LogFields): void;
}

/** Takes one finished line, without line end. */
export type LineSink = (line: string) => void;

const ORDER: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];

/**
 * A log that writes JSON lines with `level`, `time` (RFC 3339), `message` and the fields.
 *
 * @param options `level`: lines below it are dropped; as a function, asked for each line; `sink`: where lines go; `now`: milliseconds since 1970
 */
export function jsonLog(
  options: { level: LogLevel | (() => LogLevel); sink: LineSink; now: () => number },
): Log {
  const { level: lowest } = options;
  const threshold = typeof lowest === "function" ? lowest : () => lowest;
  const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (ORDER.indexOf(level) < ORDER.indexOf(threshold())) return;
    options.sink(jsonLine({ level, time: new Date(options.now()).toISOString(), message, ...fields }));
  };
  return { trace: at("trace"), debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A log that keeps nothing. */
export const silentLog: Log = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
