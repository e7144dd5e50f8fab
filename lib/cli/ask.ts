import type { AccessAnswer, WhyNotAnswer } from "../http/control/ask.ts";
import type { Explanation } from "../policy/explain.ts";
import { formatExplanation } from "../policy/format_explanation.ts";
import { type Command, EXIT } from "./command.ts";
import { ask, CONTROL_OPTIONS, print } from "./control.ts";
import type { OptionSpec, ParsedArgs } from "./options.ts";
import { UsageError } from "./usage_error.ts";

const IP: OptionSpec = { name: "ip", value: "ADDRESS", description: "Where the user comes from" };
const AT: OptionSpec = {
  name: "at",
  value: "TIME",
  description: "When, such as 2026-01-31T09:30:00Z (default: now)",
};
const CLAIMS: OptionSpec = {
  name: "claims",
  value: "JSON",
  description: 'Further claims of the user, such as {"groups":["admins"]}; or @FILE',
};
const ROUTE = {
  name: "ROUTE",
  description: "The route, by name, `from`, or a destination such as redis.example.com:6379",
};

/** `sallyport explain` */
export const explainCommand: Command = {
  name: "explain",
  summary: "Say why a route lets a user in, or not, rule by rule",
  examples: ["sallyport explain --route redis --user alice@example.com --ip 10.0.0.7"],
  options: [
    ...CONTROL_OPTIONS,
    { name: "route", value: "ROUTE", description: ROUTE.description },
    { name: "user", value: "USER", description: "By name or e-mail address (default: nobody is signed in)" },
    CLAIMS,
    IP,
    AT,
  ],
  positionals: [],
  async run(args, io) {
    const route = args.find("route");
    if (route === undefined) {
      throw new UsageError("cli/missing-argument", "--route is missing", "name the route");
    }
    const body = JSON.stringify({ ...await question(args, io.readTextFile), user: args.find("user"), route });
    const answer = await ask(args, { method: "POST", path: "/explain", body });
    const text = (answer: { explanation: Explanation }) => formatExplanation(answer.explanation);
    print(answer as { explanation: Explanation }, { args, io, text });
    return EXIT.ok;
  },
};

/** `sallyport who-can` */
export const whoCanCommand: Command = {
  name: "who-can",
  summary: "List the users and groups a route lets in",
  options: [...CONTROL_OPTIONS, IP, AT],
  positionals: [ROUTE],
  async run(args, io) {
    const body = JSON.stringify({ route: args.get("ROUTE"), ip: args.find("ip"), at: args.find("at") });
    const answer = await ask(args, { method: "POST", path: "/who-can", body }) as AccessAnswer;
    print(answer, { args, io, text: accessText });
    return EXIT.ok;
  },
};

function accessText({ everybody, users, groups }: AccessAnswer): string {
  if (everybody) return "everybody, signed in or not\n";
  const lines = [
    ...users.map(({ name, email }) => `user   ${name} <${email}>`),
    ...groups.map((group) => `group  ${group}`),
  ];
  return lines.length === 0 ? "nobody who is known here\n" : `${lines.join("\n")}\n`;
}

/** `sallyport why-not` */
export const whyNotCommand: Command = {
  name: "why-not",
  summary: "Say what keeps a user from a route",
  description: "Names the smallest set of criteria that would have to come out otherwise.",
  options: [...CONTROL_OPTIONS, CLAIMS, IP, AT],
  positionals: [{ name: "USER", description: "By name or e-mail address" }, ROUTE],
  async run(args, io) {
    const asked = await question(args, io.readTextFile);
    const body = JSON.stringify({ ...asked, user: args.get("USER"), route: args.get("ROUTE") });
    const answer = await ask(args, { method: "POST", path: "/why-not", body }) as WhyNotAnswer;
    print(answer, { args, io, text: whyNotText });
    return EXIT.ok;
  },
};

function whyNotText({ allowed, changes, isSmallest }: WhyNotAnswer): string {
  if (allowed) return "nothing: the route lets this user in\n";
  if (changes === null) return "the policy lets in nobody who differs in what it asks about\n";
  const lines = changes.map(({ name, subpath, needed, expected, found, reason }) => {
    const criterion = subpath === null ? name : `${name}/${subpath}`;
    const wanted = needed ? "must match" : "must not match";
    return `  ${criterion} ${wanted} ${JSON.stringify(expected)}; it is ${
      JSON.stringify(found)
    } (${reason})\n`;
  });
  const title = isSmallest ? "It would take no less than:" : "It would take (perhaps less would do):";
  return `${title}\n${lines.join("")}`;
}

/** What both questions can say of the user. */
async function question(args: ParsedArgs, readTextFile: (path: string) => Promise<string>) {
  const given = args.find("claims");
  const text = given?.startsWith("@") ? await readTextFile(given.slice(1)) : given;
  const claims = text === undefined ? undefined : parseClaims(text);
  return { claims, ip: args.find("ip"), at: args.find("at") };
}

function parseClaims(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(
      "cli/unexpected-value",
      "--claims is not JSON",
      `write it as '{"groups":["admins"]}'`,
    );
  }
}
