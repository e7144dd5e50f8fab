import type { JSX } from "hono/jsx/jsx-runtime";
import { Layout } from "./layout.tsx";
import { Moment } from "./moment.tsx";

/** What the person is asked about. */
export interface KeySignIn {
  /** Of the key, such as `SHA256:…`. */
  readonly fingerprint: string;
  /** Where it came from, without port. */
  readonly address: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly issuedAt: number;
  /** The same, of its end. */
  readonly expiresAt: number;
}

/** Asks somebody who is signed in whether a terminal that waits is theirs. It posts to its own address. */
export function KeySignInPage(
  { user, signIn, csrf }: { user: string; signIn: KeySignIn; csrf: string },
): JSX.Element {
  return (
    <Layout title="Sign in a terminal?">
      <p>
        A terminal waits to be signed in as you. Go on only if you have just started it yourself, and if the
        address and the key are yours.
      </p>
      <dl>
        <dt>You</dt>
        <dd>
          <bdi>{user}</bdi>
        </dd>
        <dt>From</dt>
        <dd>{signIn.address}</dd>
        <dt>Protocol</dt>
        <dd>SSH</dd>
        <dt>Key</dt>
        <dd>{signIn.fingerprint}</dd>
        <dt>Asked</dt>
        <dd>
          <Moment at={signIn.issuedAt} />
        </dd>
        <dt>Waits until</dt>
        <dd>
          <Moment at={signIn.expiresAt} />
        </dd>
      </dl>
      <form method="post">
        <input type="hidden" name="csrf" value={csrf} />
        <p>
          <label>
            <input type="checkbox" name="create_id_binding" value="true" />{" "}
            Remember me: do not ask about this key again
          </label>
        </p>
        <button type="submit" name="confirm" value="true">Sign in</button>{" "}
        <button type="submit" name="confirm" value="false" class="danger">No, this is not mine</button>
      </form>
    </Layout>
  );
}

/** What came of it. */
export function KeyDecidedPage({ isApproved }: { isApproved: boolean }): JSX.Element {
  return (
    <Layout title={isApproved ? "Signed in" : "Refused"}>
      <p>
        {isApproved
          ? "Your terminal goes on. You can close this page."
          : "The terminal was refused. You can close this page."}
      </p>
      <p>
        <a href="/.pomerium/sessions">Your sessions and keys</a>
      </p>
    </Layout>
  );
}
