import type { JSX } from "hono/jsx/jsx-runtime";
import { type KeyCard, KeyList } from "./key_list.tsx";
import { Layout, type Nav } from "./layout.tsx";
import { Moment, momentText } from "./moment.tsx";

/** A session as the page shows it. */
export interface SessionCard {
  /** What it is ended by. */
  readonly id: string;
  /** The program it was begun with, such as `Firefox on Linux`; `null` when it is not known. */
  readonly program: string | null;
  /** The address it was begun from; `null` when it is not known. */
  readonly address: string | null;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  /** The same, of its end. */
  readonly expiresAt: number;
  /** How many tunnels it has open. */
  readonly tunnels: number;
  /** Whether the page was asked for with it. */
  readonly isOwn: boolean;
}

/** The sessions of somebody, to be ended one by one or all at once. */
export function SessionsPage(
  props: {
    nav: Nav;
    sessions: readonly SessionCard[];
    keys: readonly KeyCard[];
    more: number;
    csrf: string;
  },
): JSX.Element {
  const { nav, sessions, keys, more, csrf } = props;
  return (
    <Layout title="Your sessions" nav={nav}>
      <p class="lead">
        A session begins when you sign in. Programs that you sign in through a browser share its session.
        Ending a session closes its tunnels at once.
      </p>
      <ul class="list">
        {sessions.map((session) => <Card key={session.id} session={session} csrf={csrf} />)}
      </ul>
      {more === 0 ? null : <p>{`And ${more} more.`}</p>}
      <form method="post" action="/.pomerium/sessions">
        <input type="hidden" name="csrf" value={csrf} />
        <button type="submit" name="everywhere" value="yes" class="danger">Sign out everywhere</button>
      </form>
      {keys.length === 0 ? null : <KeyList keys={keys} csrf={csrf} />}
    </Layout>
  );
}

function Card({ session, csrf }: { session: SessionCard; csrf: string }): JSX.Element {
  const { id, program, address, createdAt, expiresAt, tunnels, isOwn } = session;
  const name = program ?? "Unknown program";
  return (
    <li class="item split">
      <div>
        <h2>
          <bdi>{name}</bdi>
          {isOwn ? <span class="tag">This session</span> : null}
        </h2>
        <p>
          Since <Moment at={createdAt} />
          {address === null ? "" : ` from ${address}`}
        </p>
        <p class="small">
          Until <Moment at={expiresAt} />
          {` · ${tunnelsText(tunnels)}`}
        </p>
      </div>
      <form method="post" action="/.pomerium/sessions">
        <input type="hidden" name="csrf" value={csrf} />
        <input type="hidden" name="session" value={id} />
        <button
          type="submit"
          class="quiet"
          aria-label={`${isOwn ? "Sign out" : "End"}: ${name}, since ${momentText(createdAt)}`}
        >
          {isOwn ? "Sign out" : "End"}
        </button>
      </form>
    </li>
  );
}

function tunnelsText(count: number): string {
  if (count === 0) return "no open tunnel";
  return count === 1 ? "1 open tunnel" : `${count} open tunnels`;
}
