import { describe, expect, it } from "vitest";
import { commands } from "../../lib/cli/commands.ts";
import { main } from "../../lib/cli/main.ts";
import { requirePeer } from "../_support/peers.ts";
import { fakeIo } from "./_fake_io.ts";

async function scriptFor(shell: string): Promise<string> {
  const io = fakeIo();
  expect(await main(["completion", shell], io)).toBe(0);
  return io.out();
}

async function bash(script: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("bash", { args: ["-c", script] }).output();
  expect(new TextDecoder().decode(stderr)).toBe("");
  expect(code).toBe(0);
  return new TextDecoder().decode(stdout).trim();
}

describe("completion", () => {
  it.each(["bash", "zsh", "fish"])("for %s knows every command and option", async (name) => {
    const script = await scriptFor(name);
    for (const command of commands) {
      expect(script).toContain(command.name);
      for (const option of command.options) expect(script).toContain(option.name);
    }
  });

  it.skipIf(!requirePeer("bash")).each([
    [["sallyport", "whoa"], "whoami"],
    [["sallyport", "log"], "login logout"],
    [["sallyport", "tcp", "--li"], "--listen"],
    [["sallyport", "tcp", "--po"], "--pomerium-url"],
    [["sallyport", "auth", "--no"], "--no-browser"],
    [["sallyport", "completion", "z"], "zsh"],
    [["sallyport", "nonsense", "x"], ""],
  ])("bash completes %j to %j", async (words, expected) => {
    const line = `COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${
      words.length - 1
    }; _sallyport; echo "\${COMPREPLY[*]}"`;
    expect(await bash(`${await scriptFor("bash")}\n${line}`)).toBe(expected);
  });
});
