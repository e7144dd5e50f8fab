import { actionOf } from "./action.ts";
import { systemClock } from "../base/clock.ts";
import { fromUtf8 } from "../base/bytes.ts";
import { openStore } from "../gateway/open_store.ts";
import { openStateDirectory } from "../gateway/state_directory.ts";
import { LocalUsers } from "../identity/local_users.ts";
import { PasswordHasher, randomPassword } from "../identity/password.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { CONFIG_OPTION, readStorage, STATE_OPTION, stateDirectoryOf } from "./gateway_files.ts";
import type { ParsedArgs } from "./options.ts";
import { UsageError } from "./usage_error.ts";

const MAX_PASSWORD_INPUT = 4096;

type Action = (users: LocalUsers, options: { args: ParsedArgs; io: CliIo }) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = {
  async add(users, { args, io }) {
    const { password, shown } = await choosePassword(args, io);
    const groups = args.find("groups")?.split(",").map((group) => group.trim()).filter((group) =>
      group !== ""
    );
    const user = await users.add({
      name: nameOf(args),
      password,
      ...optional("email", args.find("email")),
      ...optional("displayName", args.find("display-name")),
      ...optional("groups", groups),
    });
    io.stdout(`added ${user.name} <${user.email}>\n${shown}`);
  },
  async passwd(users, { args, io }) {
    const { password, shown } = await choosePassword(args, io);
    await users.setPassword(nameOf(args), password);
    io.stdout(`password of ${nameOf(args)} set; their sessions have ended\n${shown}`);
  },
  async remove(users, { args, io }) {
    await users.remove(nameOf(args));
    io.stdout(`removed ${nameOf(args)}; their sessions have ended\n`);
  },
  async list(users, { io }) {
    for (const { name, email, groups } of await users.list()) {
      io.stdout(`${name}\t${email}\t${groups.join(",")}\n`);
    }
  },
};

/** `sallyport users` */
export const usersCommand: Command = {
  name: "users",
  summary: "Add, list and remove the people who sign in here with a password",
  description:
    "Works on the store of the gateway, also while it runs. A password is made up and printed once " +
    "unless --password-stdin is given.",
  examples: [
    "sallyport users add alice --email alice@example.com --groups engineering,on-call",
    "sallyport users passwd alice --password-stdin < password.txt",
  ],
  options: [
    CONFIG_OPTION,
    STATE_OPTION,
    {
      name: "email",
      value: "ADDRESS",
      description: "E-mail address of a new user (default: NAME@localhost)",
    },
    { name: "display-name", value: "TEXT", description: "What to call a new user" },
    { name: "groups", value: "LIST", description: "Groups of a new user, with commas between" },
    { name: "password-stdin", description: "Read the password from the first line of standard input" },
  ],
  positionals: [
    { name: "ACTION", description: "What to do", choices: Object.keys(ACTIONS) },
    { name: "NAME", description: "What the user types to sign in", optional: true },
  ],
  async run(args, io) {
    const action = actionOf(args, ACTIONS);
    const state = await openStateDirectory(stateDirectoryOf(args));
    const storage = await readStorage(args, io);
    if (storage === null) return EXIT.failure;
    await using store = await openStore({ storage }, { state });
    await using hasher = new PasswordHasher({ random: io.random });
    await action(new LocalUsers({ store, hasher, random: io.random, clock: systemClock }), { args, io });
    return EXIT.ok;
  },
};

function nameOf(args: ParsedArgs): string {
  const name = args.find("NAME");
  if (name === undefined) throw new UsageError("cli/missing-argument", "NAME is missing", "name the user");
  return name;
}

async function choosePassword(args: ParsedArgs, io: CliIo): Promise<{ password: string; shown: string }> {
  if (args.has("password-stdin")) return { password: await readFirstLine(io), shown: "" };
  const password = randomPassword(io.random);
  return { password, shown: `password: ${password}\n` };
}

async function readFirstLine(io: CliIo): Promise<string> {
  const input = io.stdio();
  const buffer = new Uint8Array(MAX_PASSWORD_INPUT);
  let length = 0;
  while (length < buffer.length && !buffer.subarray(0, length).includes(0x0a)) {
    const count = await input.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return fromUtf8(buffer.subarray(0, length)).split(/\r?\n/, 1)[0]!;
}

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : { [key]: value } as { [key in K]: V };
}
