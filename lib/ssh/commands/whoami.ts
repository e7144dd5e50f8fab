import { printable } from "./printable.ts";
import type { Command } from "./command.ts";

/** `whoami`: who the gateway takes the caller for. */
export const whoami: Command = {
  name: "whoami",
  summary: "Shows who you are signed in as.",
  isInteractive: false,
  async run({ login, shell }) {
    const { session, sessionExpiresAt } = login.caller;
    const claims = Object.entries(session.claims).map(([name, value]) =>
      `  ${printable(name)}: ${printable(typeof value === "string" ? value : JSON.stringify(value))}`
    );
    const lines = [
      `User ID:    ${printable(session.userId)}`,
      `Session ID: ${session.sessionId}`,
      `Expires at: ${new Date(sessionExpiresAt).toISOString()}`,
      `Key:        ${login.keyFingerprint}`,
      "Claims:",
      ...claims,
    ];
    await shell.print(`${lines.join("\n")}\n`);
    return 0;
  },
};
