// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { httpBench } from "./bench/http.ts";
import { liveBench } from "./bench/live.ts";
import { policyBench } from "./bench/policy.ts";
import { sshBench } from "./bench/ssh.ts";
import { tcpBench } from "./bench/tcp.ts";
import { udpBench } from "./bench/udp.ts";
import { x509Bench } from "./bench/x509.ts";

/** Every benchmark: takes its own arguments, gives the exit code. */
const BENCHES: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  tcp: tcpBench,
  udp: udpBench,
  ssh: sshBench,
  http: httpBench,
  policy: policyBench,
  live: liveBench,
  x509: x509Bench,
};

const [name = "", ...args] = Deno.args;
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (bench === undefined) {
  console.error(`error: ${name === "" ? "no benchmark was named" : `there is no benchmark ${name}`}`);
  console.error(
    `hint: deno task bench NAME [OPTIONS], where NAME is one of: ${Object.keys(BENCHES).join(", ")}`,
  );
  Deno.exit(2);
}
Deno.exit(await bench(args));
