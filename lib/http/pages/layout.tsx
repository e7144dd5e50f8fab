import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";

/** What the navigation of somebody who is signed in shows. */
export interface Nav {
  /** The page it stands on. */
  readonly here: "user" | "routes" | "sessions";
  /** Who is signed in. */
  readonly userName: string;
  /** Whether there is a list of routes. */
  readonly hasRoutes: boolean;
}

const PLACES: readonly [here: Nav["here"], path: string, title: string][] = [
  ["routes", "/.pomerium/routes", "Routes"],
  ["sessions", "/.pomerium/sessions", "Sessions"],
  ["user", "/.pomerium/", "Account"],
];

/**
 * The frame of every page: readable without JavaScript, on a phone, dark and light. Without `nav` the page is a card in the
 * middle of the window.
 */
export function Layout(props: { title: string; nav?: Nav; children?: Child }): JSX.Element {
  const { title, nav } = props;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title} · Sallyport</title>
        <link rel="icon" type="image/svg+xml" href="/.pomerium/icon.svg" />
        <link rel="stylesheet" href="/.pomerium/style.css" />
      </head>
      <body class={nav === undefined ? "card" : "sheet"}>
        <a class="skip" href="#main">Skip to content</a>
        <header>
          <p class="brand">Sallyport</p>
          {nav === undefined ? null : <Navigation {...nav} />}
        </header>
        <main id="main" tabindex={-1}>
          <h1>{title}</h1>
          {props.children}
        </main>
      </body>
    </html>
  );
}

function Navigation({ here, userName, hasRoutes }: Nav): JSX.Element {
  const places = PLACES.filter(([place]) => hasRoutes || place !== "routes");
  return (
    <nav aria-label="Your pages">
      <ul>
        {places.map(([place, path, title]) => (
          <li>
            <a href={path} {...(place === here ? { "aria-current": "page" } : {})}>{title}</a>
          </li>
        ))}
      </ul>
      <p class="person">
        <span class="hidden">Signed in as</span>
        <bdi>{userName}</bdi>
      </p>
    </nav>
  );
}
