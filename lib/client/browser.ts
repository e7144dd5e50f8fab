/** A program and its arguments; no shell is involved. */
export interface ProgramCall {
  /** A name to look up on PATH, or a path. */
  readonly program: string;
  /** Passed on as they are. */
  readonly args: readonly string[];
}

/**
 * How to open a URL in the browser.
 *
 * @param options `os`: as `Deno.build.os` names it; `command`: the person's own command, split at spaces outside of
 *   single or double quotes; the URL becomes its last argument
 */
export function browserCall(url: string, options: { os: string; command?: string | undefined }): ProgramCall {
  const [program, ...args] = options.command === undefined
    ? platformCommand(options.os)
    : splitCommand(options.command);
  if (program === undefined) throw new TypeError("Cannot open a browser as the command is empty");
  return { program, args: [...args, url] };
}

function platformCommand(os: string): string[] {
  if (os === "darwin") return ["open"];
  if (os === "windows") return ["rundll32", "url.dll,FileProtocolHandler"];
  return ["xdg-open"];
}

/** The words of a command. Quotes keep spaces; there are no escapes, so that Windows paths stay as they are. */
export function splitCommand(command: string): string[] {
  const words = command.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single));
}
