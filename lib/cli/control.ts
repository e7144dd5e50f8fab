import type { GatewayStatus } from "../http/control/control_services.ts";
import { formatDuration } from "../base/duration.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { askGateway, type ControlRequest } from "./control_client.ts";
import { countText } from "./count_text.ts";
import { CONFIG_OPTION, STATE_OPTION, stateDirectoryOf } from "./gateway_files.ts";
import type { OptionSpec, ParsedArgs } from "./options.ts";
import { formatTable } from "./table.ts";
import { UsageError } from "./usage_error.ts";

/** Prints the gateway's answer as it is. */
export const JSON_OPTION: OptionSpec = { name: "json", description: "Print JSON" };

/** What every command that asks the running gateway takes. */
export const CONTROL_OPTIONS: readonly OptionSpec[] = [CONFIG_OPTION, STATE_OPTION, JSON_OPTION];

/** Asks the running gateway that the options name. @throws {ControlClientError} */
export function ask(args: ParsedArgs, request: ControlRequest): Promise<unknown> {
  return askGateway(`${stateDirectoryOf(args)}/control.sock`, request);
}

/** Prints an answer: as JSON if that was asked for, else as `text` says. */
export function print<T>(
  answer: T,
  options: { args: ParsedArgs; io: CliIo; text: (answer: T) => string },
): void {
  const { args, io, text } = options;
  io.stdout(args.has(JSON_OPTION.name) ? `${JSON.stringify(answer, null, 2)}\n` : text(answer));
}

/** `sallyport status` */
export const statusCommand: Command = {
  name: "status",
  summary: "Say how the running gateway does",
  options: CONTROL_OPTIONS,
  positionals: [],
  async run(args, io) {
    const status = await ask(args, { path: "/status" }) as GatewayStatus;
    print(status, { args, io, text: (status) => statusText(status, io.now()) });
    return EXIT.ok;
  },
};

function statusText(status: GatewayStatus, now: number): string {
  const { lastReload } = status;
  const rows = [
    ["gateway", `${status.url}, process ${status.pid}, up ${formatDuration(now - status.startedAt)}`],
    ...status.ssh === null ? [] : [["ssh", status.ssh]],
    ["configuration", `${status.config}, revision ${status.revision}, ${countText(status.routes, "route")}`],
    ["open", openText(status)],
  ];
  for (const worker of status.workers ?? []) {
    const { number, pid, startedAt } = worker;
    const since = `process ${pid}, up ${formatDuration(now - startedAt)}`;
    rows.push([`worker ${number}`, `${since}, ${openText(worker)}`]);
  }
  for (const { route, url, health, ejectedUntil } of status.upstreams) {
    if (health === "unhealthy") rows.push(["upstream", `${url} of ${route} is unhealthy`]);
    else if (ejectedUntil !== null) {
      rows.push(["upstream", `${url} of ${route} is out for ${formatDuration(ejectedUntil - now)}`]);
    }
  }
  if (lastReload !== null) {
    const when = `${formatDuration(now - lastReload.at)} ago (${lastReload.cause})`;
    const outcome = lastReload.ok ? "served" : "REFUSED; the configuration before it goes on";
    rows.push(["last reload", `${when}: ${outcome}`]);
  }
  const complaints = lastReload?.ok === false ? `\n${lastReload.complaints.join("\n\n")}\n` : "";
  return formatTable(rows) + complaints;
}

function openText({ tunnels, connections }: { tunnels: number; connections: number }): string {
  return `${countText(tunnels, "tunnel")}, ${countText(connections, "connection")}`;
}

/** `sallyport reload` */
export const reloadCommand: Command = {
  name: "reload",
  summary: "Have the running gateway read its configuration again",
  options: CONTROL_OPTIONS,
  positionals: [],
  async run(args, io) {
    return reportReload(await ask(args, { method: "POST", path: "/reload" }), { args, io });
  },
};

/** Prints how a change of the configuration came out. @returns the exit code */
export function reportReload(answer: unknown, { args, io }: { args: ParsedArgs; io: CliIo }): number {
  const outcome = answer as NonNullable<GatewayStatus["lastReload"]>;
  const verdict = outcome.ok ? "served\n" : "refused; the configuration before it goes on\n";
  print(outcome, {
    args,
    io,
    text: ({ complaints }) => complaints.map((one) => `${one}\n\n`).join("") + verdict,
  });
  return outcome.ok ? EXIT.ok : EXIT.failure;
}

interface TunnelRow {
  readonly id: string;
  readonly protocol: string;
  readonly host: string;
  readonly user: string | null;
  readonly ip: string;
  readonly upstream: string;
  readonly openedAt: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** `sallyport tunnels` */
export const tunnelsCommand: Command = {
  name: "tunnels",
  summary: "List, show or end live tunnels",
  examples: ["sallyport tunnels list", "sallyport tunnels kill 3f2a"],
  options: CONTROL_OPTIONS,
  positionals: [
    { name: "ACTION", description: "What to do", choices: ["list", "show", "kill"] },
    { name: "ID", description: "The tunnel, or the beginning of its id", optional: true },
  ],
  async run(args, io) {
    const path = `/tunnels/${encodeURIComponent(args.find("ID") ?? "")}`;
    switch (args.get("ACTION")) {
      case "list": {
        const rows = await ask(args, { path: "/tunnels" }) as TunnelRow[];
        print(rows, { args, io, text: (rows) => tunnelTable(rows, io.now()) });
        return EXIT.ok;
      }
      case "show": {
        requireName(args, "ID");
        const row = await ask(args, { path }) as Record<string, unknown>;
        print(row, {
          args,
          io,
          text: (row) => formatTable(Object.entries(row).map(([k, v]) => [k, String(v)])),
        });
        return EXIT.ok;
      }
      case "kill": {
        requireName(args, "ID");
        const { killed } = await ask(args, { method: "DELETE", path }) as { killed: string[] };
        print({ killed }, { args, io, text: () => killed.map((id) => `ended ${id}\n`).join("") });
        return EXIT.ok;
      }
    }
    throw unknownAction(args, "list, show or kill");
  },
};

function tunnelTable(rows: readonly TunnelRow[], now: number): string {
  if (rows.length === 0) return "no tunnel is open\n";
  return formatTable([
    ["ID", "USER", "PROTOCOL", "DESTINATION", "FROM", "TO", "OPEN", "UP", "DOWN"],
    ...rows.map((row) => [
      row.id.slice(0, 8),
      row.user ?? "-",
      row.protocol,
      row.host,
      row.ip,
      row.upstream,
      formatDuration(now - row.openedAt),
      String(row.bytesUp),
      String(row.bytesDown),
    ]),
  ]);
}

interface SessionRow {
  readonly id: string;
  readonly user: string;
  readonly email: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** `sallyport sessions` */
export const sessionsCommand: Command = {
  name: "sessions",
  summary: "List or end sessions",
  description: "Ending a session ends its tunnels at once.",
  examples: ["sallyport sessions list", "sallyport sessions revoke alice@example.com"],
  options: CONTROL_OPTIONS,
  positionals: [
    { name: "ACTION", description: "What to do", choices: ["list", "revoke"] },
    {
      name: "WHO",
      description: "A session by its id, or all of a user by name or e-mail address",
      optional: true,
    },
  ],
  async run(args, io) {
    switch (args.get("ACTION")) {
      case "list": {
        const rows = await ask(args, { path: "/sessions" }) as SessionRow[];
        print(rows, { args, io, text: (rows) => sessionTable(rows, io.now()) });
        return EXIT.ok;
      }
      case "revoke": {
        const path = `/sessions/${encodeURIComponent(requireName(args, "WHO"))}`;
        const { revoked } = await ask(args, { method: "DELETE", path }) as { revoked: string[] };
        print({ revoked }, { args, io, text: () => revoked.map((id) => `ended ${id}\n`).join("") });
        return EXIT.ok;
      }
    }
    throw unknownAction(args, "list or revoke");
  },
};

function sessionTable(rows: readonly SessionRow[], now: number): string {
  if (rows.length === 0) return "nobody is signed in\n";
  return formatTable([
    ["ID", "USER", "E-MAIL", "SINCE", "LEFT"],
    ...rows.map(({ id, user, email, createdAt, expiresAt }) => [
      id,
      user,
      email ?? "-",
      formatDuration(now - createdAt),
      formatDuration(expiresAt - now),
    ]),
  ]);
}

function requireName(args: ParsedArgs, name: string): string {
  const value = args.find(name);
  if (value === undefined) {
    throw new UsageError("cli/missing-argument", `${name} is missing`, "--help says what it can be");
  }
  return value;
}

function unknownAction(args: ParsedArgs, choices: string): UsageError {
  return new UsageError(
    "cli/unexpected-argument",
    `There is no action ${args.get("ACTION")}`,
    `it is ${choices}`,
  );
}
