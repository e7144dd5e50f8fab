import type { JSX } from "hono/jsx/jsx-runtime";
import type { SessionFacts } from "../../policy/facts.ts";
import { claimText } from "./claim_text.ts";
import { Layout, type Nav } from "./layout.tsx";
import { Moment } from "./moment.tsx";

/** More claims than anybody reads. */
const MAX_CLAIMS = 100;

/** What somebody without a session is shown. */
export function SignedOutPage(): JSX.Element {
  return (
    <Layout title="Not signed in">
      <p>You have no session with this gateway.</p>
      <p>
        <a class="button" href="/.pomerium/sign_in">Sign in</a>
      </p>
    </Layout>
  );
}

/** Who the gateway takes the caller for, with what every policy can ask about them, and a way to sign out. */
export function UserPage(
  props: { nav: Nav; user: SessionFacts & { expiresAt: number }; csrf: string },
): JSX.Element {
  const { nav, user, csrf } = props;
  return (
    <Layout title={nav.userName} nav={nav}>
      <dl>
        <dt>E-mail</dt>
        <dd>{user.email === "" ? "not known" : <bdi>{user.email}</bdi>}</dd>
        <dt>Groups</dt>
        <dd>{user.groups.length === 0 ? "none" : <Groups names={user.groups} />}</dd>
        <dt>Signed in until</dt>
        <dd>
          <Moment at={user.expiresAt} />
        </dd>
        <dt>User id</dt>
        <dd>
          <code>{user.userId}</code>
        </dd>
        <dt>Session id</dt>
        <dd>
          <code>{user.sessionId}</code>
        </dd>
      </dl>
      <Claims claims={user.claims} />
      <form method="post" action="/.pomerium/sign_out">
        <input type="hidden" name="csrf" value={csrf} />
        <button type="submit">Sign out</button>
      </form>
    </Layout>
  );
}

function Groups({ names }: { names: readonly string[] }): JSX.Element {
  return (
    <ul class="tags">
      {names.map((name) => (
        <li class="tag">
          <bdi>{name}</bdi>
        </li>
      ))}
    </ul>
  );
}

function Claims({ claims }: { claims: SessionFacts["claims"] }): JSX.Element {
  const entries = Object.entries(claims).sort(([a], [b]) => a < b ? -1 : 1);
  return (
    <details>
      <summary>{`Everything that is known about you (${entries.length})`}</summary>
      <p class="small">These are the claims that the policy of a route can ask about.</p>
      <table>
        <thead>
          <tr>
            <th scope="col">Claim</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
          {entries.slice(0, MAX_CLAIMS).map(([name, value]) => (
            <tr>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>
                <bdi>{claimText(name, value)}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {entries.length > MAX_CLAIMS ? <p>{`And ${entries.length - MAX_CLAIMS} more.`}</p> : null}
    </details>
  );
}
