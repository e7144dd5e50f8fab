// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { compareFiles } from "./bench/compare.ts";
import { httpBench } from "./bench/http.ts";
import { liveBench } from "./bench/live.ts";
import { policyBench } from "./bench/policy.ts";
import { runBench } from "./bench/run_bench.ts";
import { sshBench } from "./bench/ssh.ts";
import { startBench } from "./bench/start.ts";
import { tableBench } from "./bench/table.ts";
import { tcpBench } from "./bench/tcp.ts";
import { udpBench } from "./bench/udp.ts";
import { x509Bench } from "./bench/x509.ts";

/** Every benchmark: takes its own arguments, gives the exit code. */
const BENCHES: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  table: (args) => runBench("table", { bench: tableBench, args }),
  tcp: (args) => runBench("tcp", { bench: tcpBench, args }),
  udp: (args) => runBench("udp", { bench: udpBench, args }),
  ssh: (args) => runBench("ssh", { bench: sshBench, args }),
  http: (args) => runBench("http", { bench: httpBench, args }),
  policy: (args) => runBench("policy", { bench: policyBench, args }),
  live: (args) => runBench("live", { bench: liveBench, args }),
  x509: (args) => runBench("x509", { bench: x509Bench, args }),
  start: (args) => runBench("start", { bench: startBench, args }),
};

const [name = "", ...args] = Deno.args;
if (name === "--compare") Deno.exit(await compareFiles(args));
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (bench === undefined) {
  console.error(`error: ${name === "" ? "no benchmark was named" : `there is no benchmark ${name}`}`);
  console.error(
    `hint: deno task bench NAME [OPTIONS], where NAME is one of: ${Object.keys(BENCHES).join(", ")};\n` +
      "      deno task bench --compare OLD.json NEW.json",
  );
  Deno.exit(2);
}
Deno.exit(await bench(args));
