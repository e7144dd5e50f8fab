import type { JSX } from "hono/jsx/jsx-runtime";
import { Layout } from "./layout.tsx";

/** A page that only says something. */
export function MessagePage(props: { title: string; text: string }): JSX.Element {
  return (
    <Layout title={props.title}>
      <p>{props.text}</p>
      <p>
        <a href="/.pomerium/">Sign in again</a>
      </p>
    </Layout>
  );
}
