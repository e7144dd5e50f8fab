import { expect } from "vitest";
import { run } from "../../_support/programs.ts";

/** What {@link Tmux.modes} answers of a terminal that nobody has touched. */
export const UNTOUCHED = "0 1 0 0 1\n";
/** And while a page is shown. */
export const TAKEN = "1 0 1 1 0\n";

/** A real terminal emulator, with a program on it. */
export class Tmux {
  readonly #folder = Deno.makeTempDirSync({ prefix: "sallyport-tmux-" });

  /** Runs a command of the shell, and tells whether the terminal reads lines afterwards. */
  async start({ columns, rows, command, env = {} }: {
    columns: number;
    rows: number;
    command: string;
    env?: Record<string, string>;
  }): Promise<void> {
    const size = ["-x", `${columns}`, "-y", `${rows}`];
    const script = `echo before; ${command}; stty -a | grep -o ' icanon'; read _`;
    await this.#tmux(["new-session", "-d", ...size, "sh", "-c", script], { NO_COLOR: "", ...env });
    await this.#tmux(["set", "-s", "set-clipboard", "on"]);
  }

  async keys(...keys: string[]): Promise<void> {
    await this.#tmux(["send-keys", ...keys]);
  }

  /** Sends a click as a terminal does: without a client attached, tmux has no mouse of its own. */
  async click(text: string, { button = 0 }: { button?: number } = {}): Promise<void> {
    const lines = (await this.screen()).split("\n");
    const y = lines.findIndex((line) => line.includes(text));
    expect({ text, y }).not.toEqual({ text, y: -1 });
    const report = `\x1b[<${button};${lines[y]!.indexOf(text) + 1};${y + 1}`;
    await this.#tmux(["send-keys", "-l", `${report}M${report}m`]);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux(["resize-window", "-x", `${columns}`, "-y", `${rows}`]);
  }

  screen(...options: string[]): Promise<string> {
    return this.#tmux(["capture-pane", "-p", ...options]);
  }

  /** Waits until the screen is this text, or holds it; answers with what is there when it never is. */
  async waitFor(expected: string | RegExp): Promise<void> {
    const isThere = (screen: string) =>
      typeof expected === "string" ? screen === expected : expected.test(screen);
    for (let tries = 0; tries < 200; tries++) {
      if (isThere(await this.screen())) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    if (typeof expected === "string") expect(await this.screen()).toBe(expected);
    else expect(await this.screen()).toMatch(expected);
  }

  /** Alternate screen, cursor, mouse in any form, wrapping. */
  modes(): Promise<string> {
    return this.#tmux([
      "display",
      "-p",
      "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_sgr_flag} #{wrap_flag}",
    ]);
  }

  buffer(): Promise<string> {
    return this.#tmux(["show-buffer"]);
  }

  /** Signals the program that runs. */
  async signal(signal: Deno.Signal): Promise<void> {
    const shell = (await this.#tmux(["display", "-p", "#{pane_pid}"])).trim();
    const { stdout } = await run(["ps", ["-o", "pid=", "--ppid", shell]]);
    Deno.kill(Number(new TextDecoder().decode(stdout).trim()), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux(["kill-server"]);
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #tmux(args: string[], env: Record<string, string> = {}): Promise<string> {
    const { code, stdout, stderr } = await run(
      ["tmux", ["-u", "-S", `${this.#folder}/socket`, "-f", "/dev/null", ...args]],
      {
        env: { LC_ALL: "C.UTF-8", ...env },
      },
    );
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
    return new TextDecoder().decode(stdout);
  }
}
