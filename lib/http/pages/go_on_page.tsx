import type { JSX } from "hono/jsx/jsx-runtime";
import { Layout } from "./layout.tsx";

/** Leads to another site, for a browser that does not go there by itself. */
export function GoOnPage(props: { title: string; url: string }): JSX.Element {
  return (
    <Layout title={props.title}>
      <p>
        <a href={props.url}>Go on</a>
      </p>
    </Layout>
  );
}
