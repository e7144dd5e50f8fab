import { actionOf } from "./action.ts";
import { formatDuration, parseDurationMs } from "../base/duration.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { ask, CONTROL_OPTIONS, print } from "./control.ts";
import type { ParsedArgs } from "./options.ts";
import { formatTable } from "./table.ts";
import { UsageError } from "./usage_error.ts";

interface AccountRow {
  readonly id: string;
  readonly userId: string | null;
  readonly email: string | null;
  readonly description: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

type Action = (args: ParsedArgs, io: CliIo) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = {
  async create(args, io) {
    const body = JSON.stringify({
      user: args.find("user"),
      email: args.find("email"),
      description: args.find("description"),
      lifetimeMs: lifetimeOf(args),
    });
    const request = { method: "POST", path: "/service-accounts", body } as const;
    const account = await ask(args, request) as AccountRow & { readonly token: string };
    print(account, { args, io, text: ({ token }) => `${token}\n` });
    // Standard output holds the token alone, for a file or a variable.
    const left = formatDuration(account.expiresAt - io.now());
    io.stderr(`service account ${account.id}, for ${left}; the token is not shown again\n`);
  },
  async list(args, io) {
    const rows = await ask(args, { path: "/service-accounts" }) as AccountRow[];
    print(rows, { args, io, text: (rows) => accountTable(rows, io.now()) });
  },
  async revoke(args, io) {
    const id = args.find("ID");
    if (id === undefined) {
      throw new UsageError("cli/missing-argument", "ID is missing", "sallyport service-accounts list");
    }
    const path = `/service-accounts/${encodeURIComponent(id)}`;
    const answer = await ask(args, { method: "DELETE", path }) as { readonly revoked: string };
    print(answer, { args, io, text: ({ revoked }) => `ended ${revoked}\n` });
  },
};

/** `sallyport service-accounts` */
export const serviceAccountsCommand: Command = {
  name: "service-accounts",
  summary: "Add, list and end the accounts of programs",
  description:
    "Asks the running gateway. A service account acts for a user, or has an e-mail address of its own that policies can " +
    "ask for. Its token is printed once, and is used as any other: `sallyport tcp --service-account TOKEN`, or " +
    "`Authorization: Pomerium TOKEN`. Ending one ends its tunnels at once.",
  examples: [
    "sallyport service-accounts create --email backup@example.com --expires 90d > token.txt",
    "sallyport service-accounts revoke 5cVQX0qB1mZ2xY7nRtLw8A",
  ],
  options: [
    ...CONTROL_OPTIONS,
    { name: "user", value: "NAME", description: "The user that a new one acts for" },
    { name: "email", value: "ADDRESS", description: "The e-mail address of a new one" },
    {
      name: "expires",
      value: "DURATION",
      description: "How long a new one holds, at most 400d",
      default: "30d",
    },
    { name: "description", value: "TEXT", description: "What a new one is for" },
  ],
  positionals: [
    { name: "ACTION", description: "What to do", choices: Object.keys(ACTIONS) },
    { name: "ID", description: "The service account to end", optional: true },
  ],
  async run(args, io) {
    const action = actionOf(args, ACTIONS);
    await action(args, io);
    return EXIT.ok;
  },
};

function lifetimeOf(args: ParsedArgs): number {
  const text = args.get("expires");
  const lifetimeMs = parseDurationMs(text);
  if (lifetimeMs !== null && lifetimeMs > 0) return lifetimeMs;
  throw new UsageError("cli/unexpected-value", `--expires is not a duration: ${text}`, "as in --expires 30d");
}

function accountTable(rows: readonly AccountRow[], now: number): string {
  if (rows.length === 0) return "there are no service accounts\n";
  return formatTable([
    ["ID", "FOR", "SINCE", "LEFT", "DESCRIPTION"],
    ...rows.map(({ id, userId, email, createdAt, expiresAt, description }) => [
      id,
      email ?? `user ${userId}`,
      formatDuration(now - createdAt),
      formatDuration(expiresAt - now),
      description,
    ]),
  ]);
}
