import { explainCommand, whoCanCommand, whyNotCommand } from "./ask.ts";
import { certsCommand } from "./certs.ts";
import { checkCommand } from "./check.ts";
import type { Command } from "./command.ts";
import { completionCommand } from "./completion.ts";
import { reloadCommand, sessionsCommand, statusCommand, tunnelsCommand } from "./control.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { helpCommand } from "./help.ts";
import { loginCommand } from "./login.ts";
import { logoutCommand } from "./logout.ts";
import { applyCommand, planCommand } from "./plan.ts";
import { recordingsCommand } from "./recordings.ts";
import { publishCommand } from "./publish.ts";
import { routesCommand } from "./routes.ts";
import { serveCommand } from "./serve.ts";
import { serviceAccountsCommand } from "./service_accounts.ts";
import { tcpCommand } from "./tcp.ts";
import { tokenCommand } from "./token.ts";
import { udpCommand } from "./udp.ts";
import { usersCommand } from "./users.ts";
import { versionCommand } from "./version.ts";
import { whoamiCommand } from "./whoami.ts";

/** All commands, in the order of the help. */
export const commands: readonly Command[] = [
  tcpCommand,
  udpCommand,
  publishCommand,
  doctorCommand,
  routesCommand,
  loginCommand,
  logoutCommand,
  whoamiCommand,
  tokenCommand,
  certsCommand,
  serveCommand,
  demoCommand,
  checkCommand,
  usersCommand,
  serviceAccountsCommand,
  statusCommand,
  tunnelsCommand,
  sessionsCommand,
  recordingsCommand,
  planCommand,
  applyCommand,
  reloadCommand,
  explainCommand,
  whoCanCommand,
  whyNotCommand,
  completionCommand(() => commands),
  versionCommand,
  helpCommand(() => commands),
];
