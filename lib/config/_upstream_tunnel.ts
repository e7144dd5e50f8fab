import { type CompiledPolicy, compilePolicy } from "../policy/compile.ts";
import { PolicyError } from "../policy/errors.ts";
import { parsePolicy } from "../policy/parse.ts";
import { caught } from "./_caught.ts";
import type { Values } from "./key_table.ts";
import { reportPolicyFault } from "./_policy_fault.ts";
import { warnOfTraps } from "./_policy_traps.ts";
import { type MappingPlace, readKeys } from "./_read_keys.ts";
import type { routeKeys } from "./route_keys.ts";
import { upstreamTunnelKeys } from "./upstream_tunnel_keys.ts";

const NOBODY = compilePolicy(parsePolicy([]));

/** Reads who may publish the services of a route; what is wrong is reported. @returns `null`: the route is an ordinary one */
export function readTunnelPolicy(
  { upstream_tunnel: mapping }: Pick<Values<typeof routeKeys>, "upstream_tunnel">,
  { path: routePath, report }: MappingPlace,
): CompiledPolicy | null {
  if (mapping === null) return null;
  const path = [...routePath, "upstream_tunnel"];
  const { ssh_policy: written } = readKeys(upstreamTunnelKeys, { mapping, path, report });
  if (written === null) {
    const message = "Nobody may publish the service of this route";
    report.warn("config/denies-everyone", { message, hint: "say who may: with ssh_policy", path, at: "key" });
    return NOBODY;
  }
  const place = { path: [...path, "ssh_policy"], report };
  const policy = caught(() => compilePolicy(parsePolicy(written)), PolicyError);
  if (policy instanceof PolicyError) {
    reportPolicyFault(policy, place);
    return null;
  }
  warnOfTraps(written, place);
  return policy;
}
