import type { JSX } from "hono/jsx/jsx-runtime";
import { Moment } from "./moment.tsx";

/** A key of an SSH client as the page shows it. */
export interface KeyCard {
  /** What it is revoked by. */
  readonly keyId: string;
  /** Such as `SHA256:…`. */
  readonly fingerprint: string;
  /** `session`: it stands for a session; `identity`: it is not asked about. */
  readonly kind: "session" | "identity";
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  /** The same, of its end; `null`: until it is revoked. */
  readonly expiresAt: number | null;
  /** The address it came from. */
  readonly createdFrom: string;
}

/** The keys of somebody, to be revoked one by one. */
export function KeyList({ keys, csrf }: { keys: readonly KeyCard[]; csrf: string }): JSX.Element {
  return (
    <>
      <h2>SSH keys</h2>
      <p class="lead">
        Keys that you have signed in from a terminal. A key that is remembered signs in again without a
        question, once you are signed in here. Revoking a key ends what it has open.
      </p>
      <ul class="list">
        {keys.map((key) => <Card key={`${key.kind} ${key.keyId}`} entry={key} csrf={csrf} />)}
      </ul>
    </>
  );
}

function Card({ entry, csrf }: { entry: KeyCard; csrf: string }): JSX.Element {
  const { keyId, fingerprint, kind, createdAt, expiresAt, createdFrom } = entry;
  return (
    <li class="item split">
      <div>
        <h2>
          {fingerprint}
          <span class="tag">{kind === "session" ? "Signed in" : "Remembered"}</span>
        </h2>
        <p>
          Since <Moment at={createdAt} />
          {` from ${createdFrom}`}
        </p>
        <p class="small">
          {expiresAt === null ? "Until it is revoked" : (
            <>
              Until <Moment at={expiresAt} />
            </>
          )}
        </p>
      </div>
      <form method="post" action={`/.pomerium/${kind}_binding/revoke`}>
        <input type="hidden" name="csrf" value={csrf} />
        <input type="hidden" name="sessionBindingID" value={keyId} />
        <button type="submit" class="quiet" aria-label={`Revoke: ${fingerprint}`}>Revoke</button>
      </form>
    </li>
  );
}
