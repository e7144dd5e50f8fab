/** The one style sheet of all pages, served by the gateway itself. */
export const STYLE = `
:root {
  --ground: #f4f5f2; --card: #ffffff; --text: #1b211f; --faint: #56625e; --line: #d9deda; --well: #f0f3f1;
  --accent: #0b6e5f; --on-accent: #ffffff; --tint: #e2f1ee; --error: #a4262c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131716; --card: #1c2220; --text: #e8ecea; --faint: #a0aca8; --line: #343d3a; --well: #151a18;
    --accent: #56c9b4; --on-accent: #0a1a17; --tint: #1d3a34; --error: #ff9a94;
  }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100%; }
h1, h2, p, dd, td, th, li { overflow-wrap: anywhere; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.2; }
h2 { margin: 0; font-size: 1.0625rem; line-height: 1.4; }
form + h2, ul + h2 { margin-top: 2.5rem; }
p { margin: 0 0 1rem; }
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
main:focus { outline: none; }
.skip, .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
.skip:focus { width: auto; height: auto; clip-path: none; top: 0.5rem; left: 0.5rem; padding: 0.5rem 0.8rem;
  background: var(--card); border-radius: 0.4rem; }
.brand { display: flex; align-items: center; gap: 0.5rem; margin: 0; color: var(--accent); font-weight: 600;
  letter-spacing: 0.02em; }
.brand::before { content: ""; width: 1.5rem; height: 1.5rem; background: var(--accent);
  mask: url("/.pomerium/icon.svg") center / contain no-repeat; }
.small { color: var(--faint); font-size: 0.875rem; }
.lead { max-width: 42rem; color: var(--faint); }

.card { display: grid; align-content: center; justify-items: center; gap: 1rem; padding: 1rem; }
.card header, .card main { width: 100%; max-width: 29rem; }
.card main { padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; }
.card main:has(section) { max-width: 44rem; }
.card header:has(~ main section) { max-width: 44rem; }
main > :last-child { margin-bottom: 0; }

.sheet header { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 2rem; min-height: 3.75rem;
  padding: 0.5rem max(1rem, 50% - 26rem); background: var(--card); border-bottom: 1px solid var(--line); }
.sheet main { max-width: 54rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
nav { display: flex; flex: 1; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 1rem; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem; margin: 0 0 0 -0.75rem; padding: 0; list-style: none; }
nav a { display: block; padding: 0.4rem 0.75rem; color: var(--text); text-decoration: none;
  border-radius: 0.4rem; }
nav a:hover { background: var(--well); }
nav a[aria-current] { color: var(--accent); background: var(--tint); font-weight: 600; }
.person { margin: 0; max-width: 18rem; overflow: hidden; color: var(--faint); font-size: 0.875rem;
  text-overflow: ellipsis; white-space: nowrap; }

@media (max-width: 40rem) {
  nav { flex-basis: 100%; }
  .person { display: none; }
}

form { margin: 0; }
label { display: block; margin: 1rem 0 0.25rem; font-weight: 500; }
input:not([type="hidden"], [type="checkbox"]) { width: 100%; padding: 0.6rem 0.7rem; font: inherit; color: inherit;
  background: var(--ground); border: 1px solid var(--faint); border-radius: 0.4rem; }
::placeholder { color: var(--faint); opacity: 1; }
input[type="checkbox"] { margin: 0; width: 1rem; height: 1rem; accent-color: var(--accent); }
label:has([type="checkbox"]) { display: flex; align-items: center; gap: 0.6rem; }
.sheet input:not([type="hidden"]) { background: var(--card); }
button, a.button { display: inline-block; padding: 0.65rem 1.4rem; font: inherit; font-weight: 600;
  color: var(--on-accent); background: var(--accent); border: 1px solid transparent; border-radius: 0.4rem;
  cursor: pointer; text-decoration: none; }
button:hover, a.button:hover { filter: brightness(1.08); }
button.quiet { padding: 0.35rem 0.9rem; color: var(--text); background: transparent; border-color: var(--faint); }
button.quiet:hover { background: var(--well); }
button.danger { color: var(--error); background: transparent; border-color: var(--error); }
label ~ button[type="submit"], dl ~ form button, details ~ form button { margin-top: 1.5rem; }
.row { display: flex; gap: 0.5rem; margin-bottom: 1.5rem; max-width: 32rem; }
.row label ~ button[type="submit"] { margin: 0; }
.row input { min-width: 0; }
.error { padding: 0.6rem 0.8rem; color: var(--error); font-weight: 500; border: 1px solid;
  border-radius: 0.4rem; }

.list { display: grid; gap: 0.75rem; margin: 0 0 1.5rem; padding: 0; list-style: none; }
.item { min-width: 0; padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 0.6rem; }
.item p { margin: 0.25rem 0 0; }
.item h2 { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.6rem; }
.split { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0.75rem 1rem; }
.split > div { flex: 1 1 15rem; min-width: 0; }
.split > form { flex: none; }
.tags { display: flex; flex-wrap: wrap; gap: 0.4rem; margin: 0; padding: 0; list-style: none; }
.tag { padding: 0.05rem 0.5rem; color: var(--accent); background: var(--tint); font-size: 0.8125rem;
  font-weight: 600; border-radius: 0.3rem; }
.tag.off { color: var(--faint); background: var(--well); }

code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.875em;
  overflow-wrap: anywhere; }
pre { margin: 0.6rem 0 0; padding: 0.55rem 0.8rem; background: var(--well); border: 1px solid var(--line);
  border-radius: 0.4rem; white-space: pre-wrap; }
pre code { font-size: 1em; }
.command { word-break: break-all; }
.command code { user-select: all; -webkit-user-select: all; cursor: copy; }
.why, .why ul { margin: 0; padding: 0; list-style: none; }
.why { margin: 0.5rem 0 1.25rem; padding: 0.8rem 1rem; background: var(--well); border: 1px solid var(--line);
  border-radius: 0.4rem; }
.why ul ul { margin-left: 0.45rem; padding-left: 1.1rem; border-left: 1px solid var(--line); }
.why > li + li { margin-top: 0.75rem; }
.why .true { color: var(--accent); font-weight: 700; }
.why .false { color: var(--error); font-weight: 700; }
.why > li:last-child .true { color: var(--error); }
.why > li:last-child .false { color: var(--faint); }

dl { display: grid; gap: 0.15rem; margin: 0; }
dt { margin-top: 0.6rem; color: var(--faint); font-size: 0.875rem; }
dd { margin: 0; }
.sheet dl { padding: 0.65rem 1.25rem 1.25rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 0.6rem; }
@media (min-width: 40rem) {
  .sheet dl { grid-template-columns: 10rem 1fr; gap: 0.6rem 1rem; padding-top: 1.25rem; }
  .sheet dt { margin: 0; font-size: 1rem; }
}
details { margin: 1rem 0 0; padding: 0.75rem 1.25rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 0.6rem; }
summary { cursor: pointer; font-weight: 500; }
details .small { margin: 0.5rem 0; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.4rem 1rem 0.4rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
thead th { color: var(--faint); font-size: 0.875rem; font-weight: 500; border: 0; }
tbody th { font-weight: 400; }
@media (min-width: 40rem) { th:first-child { width: 14rem; } }
@media (min-width: 32rem) { .card .small code { white-space: nowrap; } }
@media (max-width: 27rem) {
  .card main { padding: 1.5rem; }
  .item { padding: 0.9rem 1rem; }
}
@media (prefers-contrast: more) { :root { --line: currentColor; --faint: var(--text); } }
`;
