// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { errorMessage } from "../../lib/base/errors.ts";
import { measure } from "./measure.ts";
import { parseTcpOptions, type TcpOptions, USAGE } from "./options.ts";
import { startPeers } from "./peers.ts";
import { jsonReport, textReport } from "./report.ts";
import { makeWorkspace } from "./workspace.ts";

/** Longest time for the whole benchmark. */
const MAX_MINUTES = 60;

/** `deno task bench tcp`. @returns the exit code */
export async function tcpBench(args: string[]): Promise<number> {
  const options = parseTcpOptions(args);
  if (typeof options === "string") {
    console.error(`error: ${options}\n\n${USAGE}`);
    return 2;
  }
  const { promise: stopped, reject: stop } = Promise.withResolvers<never>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => stop(new Error(`stopped by ${signal}`)));
  }
  const timer = setTimeout(() => stop(new Error(`not done in ${MAX_MINUTES} minutes`)), MAX_MINUTES * 60_000);
  const stack = new AsyncDisposableStack();
  try {
    await Promise.race([run(options, stack), stopped]);
    return 0;
  } catch (error) {
    console.error(`error: ${errorMessage(error)}`);
    return 1;
  } finally {
    clearTimeout(timer);
    await stack.disposeAsync();
  }
}

async function run(options: TcpOptions, stack: AsyncDisposableStack): Promise<void> {
  const workspace = stack.use(await makeWorkspace());
  const { peers, notInstalled } = await startPeers(workspace, stack);
  const results = await measure(peers, { ...options, onProgress: (text) => console.error(text) });
  const report = { at: new Date(), options, results, notInstalled };
  console.log(textReport(report));
  if (options.json !== null) {
    await Deno.writeTextFile(options.json, `${JSON.stringify(jsonReport(report), null, 2)}\n`);
  }
}
