import type { JSX } from "hono/jsx/jsx-runtime";
import type { Explanation } from "../../policy/explain.ts";
import type { AnswerCode } from "../status.ts";
import { ExplanationView } from "./explanation_view.tsx";
import { Layout } from "./layout.tsx";

/** What an error page offers as the next step. */
interface Advice {
  readonly title: string;
  /** What to do, in a sentence or two. */
  readonly next: string;
  /** Where that can be done. */
  readonly link: keyof typeof LINKS;
}

const LINKS = {
  account: ["/.pomerium/", "Your account"],
  routes: ["/.pomerium/routes", "Routes open to you"],
  signIn: ["/.pomerium/sign_in", "Sign in"],
} as const;

const UNAVAILABLE: Advice = {
  title: "Not available",
  next:
    "Load the page again in a moment. If it stays like this, tell whoever runs the gateway the request id.",
  link: "account",
};

const BY_STATUS: Readonly<Record<number, Advice>> = {
  400: {
    title: "That did not work",
    next: "Go back and try again. A link that is a few minutes old may have run out.",
    link: "account",
  },
  401: { title: "Please sign in again", next: "Sign in, and then load the page again.", link: "signIn" },
  403: {
    title: "No access",
    next: "If you should have access, tell whoever runs the gateway the request id. " +
      "If you have another account, sign out first.",
    link: "routes",
  },
  404: { title: "Not found", next: "Check the address for mistakes.", link: "routes" },
  405: { title: "That did not work", next: "Go back and try again.", link: "account" },
  408: { title: "That took too long", next: "Check your connection, and try again.", link: "account" },
  413: { title: "Too large", next: "Send less at once.", link: "account" },
  429: { title: "Too many attempts", next: "Wait a minute before the next one.", link: "account" },
  450: {
    title: "A registered device is needed",
    next: "Ask whoever runs the gateway how to register this device.",
    link: "account",
  },
  495: {
    title: "A client certificate is needed",
    next: "Choose the certificate that you were given when the browser asks. " +
      "It asks again after it has been restarted.",
    link: "account",
  },
};

/** Where the advice for the status would lead nowhere. */
const BY_CODE: Readonly<Partial<Record<AnswerCode, Advice>>> = {
  "http/not-served": {
    title: "Not available yet",
    next: "Nothing that you could do here will change that. Whoever runs the gateway knows more.",
    link: "routes",
  },
};

/** What went wrong, in a sentence, what to do next, and the id under which the log knows more. */
export function ErrorPage(
  props: {
    code: AnswerCode;
    status: number;
    text: string;
    requestId: string;
    explanation?: Explanation | undefined;
  },
): JSX.Element {
  const { code, status, text, requestId, explanation } = props;
  const { title, next, link } = BY_CODE[code] ?? BY_STATUS[status] ?? UNAVAILABLE;
  const [path, label] = LINKS[link];
  return (
    <Layout title={title}>
      <p>{text}</p>
      <p>{next}</p>
      {explanation === undefined ? null : <ExplanationView explanation={explanation} />}
      <p>
        <a class="button" href={path}>{label}</a>
      </p>
      <p class="small">
        {status} · request id <code>{requestId}</code>
      </p>
    </Layout>
  );
}
