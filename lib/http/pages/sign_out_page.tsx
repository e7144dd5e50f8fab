import type { JSX } from "hono/jsx/jsx-runtime";
import { Layout } from "./layout.tsx";

/** Asks before a session is ended. */
export function SignOutPage(props: { csrf: string }): JSX.Element {
  return (
    <Layout title="Sign out?">
      <p>Your session ends everywhere it is used.</p>
      <form method="post" action="/.pomerium/sign_out">
        <input type="hidden" name="csrf" value={props.csrf} />
        <button type="submit">Sign out</button>
      </form>
    </Layout>
  );
}
