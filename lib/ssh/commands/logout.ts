import type { Command } from "./command.ts";

/** `logout`: ends the session of the caller, and with it what its keys stand for. */
export const logout: Command = {
  name: "logout",
  summary: "Ends your session, here and in the browser.",
  isInteractive: false,
  async run({ login, shell, services, onSignOut }) {
    const { sessionId, userId } = login.caller.session;
    onSignOut();
    await services.store.removeSession(sessionId);
    services.tunnels.endSession(sessionId, "session-ended");
    services.audit.signIn({
      requestId: login.connectionId,
      ip: login.ip,
      event: "signed-out",
      userName: null,
      userId,
      sessionId,
    });
    await shell.print("You are signed out.\n");
    return 0;
  },
};
