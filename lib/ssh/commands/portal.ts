import { pickRoute } from "../tui/picker.ts";
import type { Command } from "./command.ts";
import { openRoutesOf, typedName } from "./open_routes.ts";

/** `portal`: picks a server and goes on there. */
export const portal: Command = {
  name: "portal",
  summary: "Lets you pick a server to go on to.",
  isInteractive: true,
  async run({ login, shell, services, page, enterRoute }) {
    const names = openRoutesOf(login, { protocol: "ssh", services })
      .map(typedName).filter((name) => name !== null);
    if (names.length === 0) {
      await shell.printError("No server is open to you.\n");
      return 1;
    }
    const routes = names.map((name) => `${login.username}@${name}`);
    const title = "Which server do you want to go to?";
    const picked = await page((signal) => pickRoute(shell, { routes, title, clock: services.clock, signal }));
    if (picked === null) return 0;
    await enterRoute(names[routes.indexOf(picked)]!);
    return null;
  },
};
