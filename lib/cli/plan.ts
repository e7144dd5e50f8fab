import type { Plan, PlannedRoute } from "../http/control/control_services.ts";
import { type Command, EXIT } from "./command.ts";
import { ask, CONTROL_OPTIONS, print, reportReload } from "./control.ts";
import { CONFIG_OPTION } from "./gateway_files.ts";
import { formatTable } from "./table.ts";

/** `sallyport plan` */
export const planCommand: Command = {
  name: "plan",
  summary: "Say what a new configuration would change, and change nothing",
  description:
    "Asks the running gateway: which routes would come, go and change, who would gain and lose access, and which " +
    "live tunnels would be cut. Exits with 1 when the configuration cannot be served.",
  examples: ["sallyport plan new.yaml"],
  options: CONTROL_OPTIONS,
  positionals: [{ name: "FILE", description: "The new configuration" }],
  async run(args, io) {
    const body = await io.readTextFile(args.get("FILE"));
    const plan = await ask(args, { method: "POST", path: "/plan", body }) as Plan;
    print(plan, { args, io, text: planText });
    return plan.ok ? EXIT.ok : EXIT.failure;
  },
};

/** `sallyport apply` */
export const applyCommand: Command = {
  name: "apply",
  summary: "Serve a new configuration, all of it or nothing",
  description:
    "The running gateway serves it at once, and it takes the place of the configuration file. With --plan it is " +
    "refused unless the gateway and the file are those that the plan was made of.",
  examples: ["sallyport plan new.yaml", "sallyport apply new.yaml --plan 3-9f86d081884c7d65"],
  options: [...CONTROL_OPTIONS, { name: "plan", value: "ID", description: "The plan that was looked at" }],
  positionals: [{ name: "FILE", description: "The new configuration" }],
  async run(args, io) {
    const body = await io.readTextFile(args.get("FILE"));
    const planId = args.find("plan");
    const path = planId === undefined ? "/apply" : `/apply?plan=${encodeURIComponent(planId)}`;
    const code = reportReload(await ask(args, { method: "POST", path, body }), { args, io });
    if (code === EXIT.ok) await io.replaceTextFile(args.get(CONFIG_OPTION.name), body);
    return code;
  },
};

function planText(plan: Plan): string {
  const complaints = plan.complaints.map((one) => `${one}\n\n`).join("");
  if (!plan.ok) return `${complaints}This configuration cannot be served.\n`;
  const { added, removed, changed } = plan.routes;
  const sections = [
    section("Routes", [
      ...added.map((route) => `+ ${routeText(route)}`),
      ...removed.map((route) => `- ${routeText(route)}`),
      ...changed.map((route) => `~ ${routeText(route)}: ${route.keys.join(", ")}`),
    ]),
    section("Global keys", plan.globals.map(({ key, before, after }) => `~ ${key}: ${before} -> ${after}`)),
    section("Access of people who are signed in", [
      ...plan.access.flatMap(({ user, gains, loses }) => [
        ...gains.map((route) => `+ ${user} gains ${route}`),
        ...loses.map((route) => `- ${user} loses ${route}`),
      ]),
    ]),
    section("Live tunnels that would be cut", tunnelLines(plan)),
  ].filter((text) => text !== "");
  const body = sections.length === 0 ? "Nothing would change.\n" : sections.join("\n");
  return `${complaints}${body}\nplan ${plan.id}\n`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

function routeText({ name, from }: PlannedRoute): string {
  return name === from ? from : `${name} (${from})`;
}

function tunnelLines({ tunnels }: Plan): string[] {
  const rows = tunnels.map(({ id, user, host, reason, detail }) => [
    id.slice(0, 8),
    user ?? "-",
    host,
    detail === null ? reason : `${reason}: ${detail}`,
  ]);
  return formatTable(rows).split("\n").slice(0, -1);
}
