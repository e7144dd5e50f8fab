import { formatAuthority } from "../../base/authority.ts";
import type { Route } from "../../config/config.ts";
import type { Command } from "./command.ts";
import { openRoutesOf, typedName } from "./open_routes.ts";
import { printable } from "./printable.ts";

/** `routes`: what is open to the caller, with the line to type. */
export const routes: Command = {
  name: "routes",
  summary: "Lists the routes that are open to you.",
  isInteractive: false,
  async run({ login, shell, services }) {
    const gateway = new URL(services.signInOrigin()).hostname;
    const servers = openRoutesOf(login, { protocol: "ssh", services }).map((route) => [
      route.name,
      `ssh ${login.username}@${typedName(route) ?? "NAME"}@${gateway}`,
    ]);
    const direct = services.config.ssh?.allowsDirectTcpip === true
      ? openRoutesOf(login, { protocol: "tcp", services }).map((route) => [
        route.name,
        `ssh -L PORT:${destinationOf(route)} ${login.username}@${gateway}`,
      ])
      : [];
    const rows = [...servers, ...direct].map((row) => row.map((text) => printable(text!)));
    if (rows.length === 0) {
      await shell.print("No route is open to you.\n");
      return 0;
    }
    const width = Math.max(...rows.map(([name]) => name!.length));
    await shell.print(rows.map(([name, line]) => `${name!.padEnd(width)}  ${line}\n`).join(""));
    return 0;
  },
};

function destinationOf({ from }: Route): string {
  const { host, port } = from.destinations[0]!;
  return port === null ? `${host}:PORT` : formatAuthority({ host, port });
}
