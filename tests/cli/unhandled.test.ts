import { expect, it } from "vitest";
import { run } from "../_support/programs.ts";

const IO = new URL("../../lib/cli/deno_io.ts", import.meta.url).href;

it("an error that nobody handles ends the process only when nobody listens for it", async () => {
  const program = `
    import { denoIo } from ${JSON.stringify(IO)};
    const listening = denoIo().onUnhandled((error) => console.log("heard of", error.message));
    Promise.reject(new Error("a rejection"));
    setTimeout(() => { throw new Error("an exception"); }, 1);
    setTimeout(() => {
      console.log("alive");
      listening[Symbol.dispose]();
      Promise.reject(new Error("the end"));
    }, 50);
  `;
  const { code, stdout, stderr } = await run([Deno.execPath(), ["eval", "--no-check", program]]);
  expect(new TextDecoder().decode(stdout)).toBe("heard of a rejection\nheard of an exception\nalive\n");
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("the end") });
});
