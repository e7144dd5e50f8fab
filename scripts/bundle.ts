// deno-lint-ignore-file no-console -- a script speaks to the terminal

/**
 * Makes `dist/sallyport.js`, or the file that is named: one file with everything in it, which runs with
 * `deno run -A dist/sallyport.js`. The password worker, which the program otherwise loads from a file of its own, goes into
 * it as a `data:` URL.
 */
const WORKER = "lib/identity/_argon2_worker.ts";
const WORKER_URL = 'new URL("./_argon2_worker.ts", import.meta.url)';
const OUTPUT = Deno.args[0] ?? "dist/sallyport.js";

const worker = await bundle(WORKER);
const program = await bundle("mod.ts");
const places = program.split(WORKER_URL).length - 1;
if (places !== 1) throw new Error(`The worker's address stands ${places} times in the bundle, not once`);
const url = `data:application/javascript;base64,${new TextEncoder().encode(worker).toBase64()}`;
await Deno.mkdir("dist", { recursive: true });
const whole = program.replace(WORKER_URL, () => `new URL(${JSON.stringify(url)})`);
// A module of ssh2 looks at this name of CommonJS, though what it would load from there is within itself.
await Deno.writeTextFile(OUTPUT, `const __dirname = import.meta.dirname;\n${whole}`);
console.log(`${OUTPUT}: ${Math.round((await Deno.stat(OUTPUT)).size / 1024)} KiB`);

async function bundle(entry: string): Promise<string> {
  const output = await Deno.makeTempFile({ suffix: ".js" });
  try {
    const args = [
      "bundle",
      "--quiet",
      "--platform",
      "deno",
      "--external",
      "*.node",
      "--output",
      output,
      entry,
    ];
    const { success } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "inherit" })
      .output();
    if (!success) throw new Error(`Cannot bundle ${entry}`);
    return await Deno.readTextFile(output);
  } finally {
    await Deno.remove(output);
  }
}
