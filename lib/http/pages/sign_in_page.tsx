import type { JSX } from "hono/jsx/jsx-runtime";
import { Layout } from "./layout.tsx";

/** The form for a name and a password. It posts to its own address. */
export function SignInPage(
  props: { csrf: string; userName: string; error: string | null; purpose: string | null },
): JSX.Element {
  return (
    <Layout title="Sign in">
      {props.purpose === null ? null : <p>{props.purpose}</p>}
      {props.error === null ? null : <p class="error" role="alert">{props.error}</p>}
      <form method="post">
        <input type="hidden" name="csrf" value={props.csrf} />
        <label for="username">User name</label>
        <input
          id="username"
          name="username"
          value={props.userName}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          maxlength={64}
          required
          autofocus={props.userName === ""}
        />
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          maxlength={1024}
          required
          autofocus={props.userName !== ""}
        />
        <button type="submit">Sign in</button>
      </form>
    </Layout>
  );
}
