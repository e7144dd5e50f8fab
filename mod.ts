/**
 * Sallyport, an identity-aware access gateway. Run it with `deno run -P mod.ts serve`, or start it from a program:
 *
 * ```ts no-eval
 * import { jsonAuditTrail, jsonLog, loadConfig, startGateway } from "./mod.ts";
 *
 * const output = { sink: console.log, now: Date.now };
 * const { config, complaints } = await loadConfig({ file: "routes.yaml", readTextFile: Deno.readTextFile });
 * if (config === null) throw new Error(complaints[0]?.message);
 * await using gateway = await startGateway({
 *   config,
 *   stateDirectory: ".sallyport",
 *   log: jsonLog({ level: config.logLevel, ...output }),
 *   audit: jsonAuditTrail(output),
 * });
 * console.log(gateway.url);
 * ```
 *
 * @module
 */
import { denoIo } from "./lib/cli/deno_io.ts";
import { main } from "./lib/cli/main.ts";

export { formatComplaint } from "./lib/config/complaint.ts";
export { loadConfig } from "./lib/config/load_config.ts";
export { type Gateway, type GatewayOptions, startGateway } from "./lib/gateway/start_gateway.ts";
export { type AuditTrail, jsonAuditTrail } from "./lib/observe/audit.ts";
export { jsonLog, type Log } from "./lib/observe/log.ts";

if (import.meta.main) Deno.exit(await main(Deno.args, denoIo()));
