import type { JSX } from "hono/jsx/jsx-runtime";
import type { ConnectCommand } from "../connect_command.ts";
import { Layout, type Nav } from "./layout.tsx";

/** A route as the page shows it. */
export interface RouteCard {
  /** Tells it from the others. */
  readonly id: string;
  /** What it is called. */
  readonly name: string;
  /** What it is for; may be empty. */
  readonly description: string;
  /** `tcp`, `udp`, `http` or `ssh`. */
  readonly type: string;
  /** What it answers to. */
  readonly from: string;
  /** Where a browser opens it; `null` when it cannot. */
  readonly address: string | null;
  /** What opens it in a terminal. */
  readonly commands: readonly ConnectCommand[];
  /** Whether this version serves it. */
  readonly isServed: boolean;
}

/** From so many routes on, there is a field to search them. */
const SEARCH_FROM = 6;

/** The routes that are open to somebody, and how each is reached. */
export function RoutesPage(
  props: { nav: Nav; routes: readonly RouteCard[]; total: number; search: string },
): JSX.Element {
  const { nav, routes, total, search } = props;
  return (
    <Layout title="Your routes" nav={nav}>
      <p class="lead">{leadText(props)}</p>
      {total < SEARCH_FROM && search === "" ? null : <Search text={search} />}
      {routes.length === 0 && total > 0
        ? (
          <p>
            <a href="/.pomerium/routes">Show all routes</a>
          </p>
        )
        : null}
      <ul class="list">{routes.map((route) => <Card key={route.id} {...route} />)}</ul>
    </Layout>
  );
}

function leadText(props: { routes: readonly RouteCard[]; total: number; search: string }): string {
  const { total, search, routes } = props;
  if (total === 0) {
    return "No route is open to you at the moment. Whoever runs this gateway can let you in.";
  }
  if (search !== "") return `${routes.length} of the ${total} routes that are open to you match.`;
  const count = total === 1 ? "One route is open to you." : `${total} routes are open to you.`;
  const hasCommands = routes.some(({ commands }) => commands.length > 0);
  return hasCommands ? `${count} Click a command to select it, and run it in a terminal.` : count;
}

function Search({ text }: { text: string }): JSX.Element {
  return (
    <search>
      <form class="row" method="get" action="/.pomerium/routes">
        <label class="hidden" for="q">Search by name, description or address</label>
        <input id="q" name="q" type="search" value={text} maxlength={200} placeholder="Search routes" />
        <button type="submit">Search</button>
      </form>
    </search>
  );
}

function Card({ name, description, type, from, address, commands, isServed }: RouteCard): JSX.Element {
  return (
    <li class="item">
      <h2>
        {address === null ? <bdi>{name}</bdi> : (
          <a href={address}>
            <bdi>{name}</bdi>
          </a>
        )}
        <span class="tag">{type.toUpperCase()}</span>
        {isServed ? null : <span class="tag off">Not available yet</span>}
      </h2>
      {description === "" ? null : (
        <p>
          <bdi>{description}</bdi>
        </p>
      )}
      {commands.map((command) => <Command key={command.text} {...command} />)}
      {address === null ? null : <p class="small">{address}</p>}
      {isServed || name === from ? null : <p class="small">{from}</p>}
    </li>
  );
}

function Command({ text, isTemplate }: ConnectCommand): JSX.Element {
  return (
    <>
      <pre class="command" tabindex={0}><code>{text}</code></pre>
      {isTemplate ? <p class="small">{fillIn(text)}</p> : null}
    </>
  );
}

function fillIn(text: string): string {
  const parts = [
    text.includes("*") ? "a name for *" : "",
    /:PORT\b/.test(text) ? "a port for PORT" : "",
    /\bUSER@/.test(text) ? "your name there for USER" : "",
  ];
  return `Put in ${parts.filter((part) => part !== "").join(" and ")}.`;
}
