/**
 * A browser without JavaScript: keeps cookies, follows redirects, fills in the sign-in form. As a program it takes the
 * address to open as its last argument, and `CA_FILE`, `SIGN_IN_USER` and `SIGN_IN_PASSWORD` from the environment.
 */
export class FormBrowser {
  readonly #client: Deno.HttpClient;
  readonly #cookies = new Map<string, Map<string, string>>();
  /** Every address that was visited, in order. */
  readonly visited: string[] = [];

  /** @param options `keepsConnections`: default `true`; else each request has one of its own */
  constructor({ caPem, keepsConnections = true }: { caPem: string; keepsConnections?: boolean }) {
    const pool = keepsConnections ? {} : { poolMaxIdlePerHost: 0 };
    this.#client = Deno.createHttpClient({ caCerts: [caPem], ...pool });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  /** The cookies this browser would send to a host. */
  cookiesOf(host: string): Map<string, string> {
    const cookies = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, cookies);
    return cookies;
  }

  /** One request, with cookies; redirects are not followed. */
  async request(url: string, init: RequestInit = {}): Promise<Response> {
    this.visited.push(url);
    const { host } = new URL(url);
    const headers = new Headers(init.headers);
    const cookies = [...this.cookiesOf(host)].map(([name, value]) => `${name}=${value}`);
    if (cookies.length > 0) headers.set("cookie", cookies.join("; "));
    if (!headers.has("accept")) headers.set("accept", "text/html,*/*;q=0.8");
    const response = await fetch(url, { ...init, headers, redirect: "manual", client: this.#client });
    for (const cookie of response.headers.getSetCookie()) this.#keep(host, cookie);
    return response;
  }

  /** Opens an address and follows redirects, like a person's browser. @returns the last answer and its address */
  async open(
    url: string,
    init: RequestInit = {},
  ): Promise<{ url: string; response: Response; text: string }> {
    let response = await this.request(url, init);
    for (let hops = 0; response.status === 302 || response.status === 303; hops++) {
      await response.body?.cancel();
      if (hops > 10) throw new Error("too many redirects");
      url = new URL(response.headers.get("location")!, url).href;
      response = await this.request(url);
    }
    return { url, response, text: await response.text() };
  }

  /** Opens an address that asks to sign in, fills in the form, and follows where it leads. */
  async signIn(url: string, user: { name: string; password: string }, headers: HeadersInit = {}) {
    const page = await this.open(url);
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    const body = new URLSearchParams({ csrf, username: user.name, password: user.password });
    return await this.open(page.url, { method: "POST", body, headers });
  }

  #keep(host: string, header: string): void {
    const [pair = "", ...attributes] = header.split(";");
    const name = pair.slice(0, pair.indexOf("="));
    const value = pair.slice(pair.indexOf("=") + 1);
    const gone = attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute));
    if (gone || value === "") this.cookiesOf(host).delete(name);
    else this.cookiesOf(host).set(name, value);
  }
}

if (import.meta.main) {
  const caPem = await Deno.readTextFile(Deno.env.get("CA_FILE")!);
  using browser = new FormBrowser({ caPem });
  await browser.signIn(Deno.args.at(-1)!, {
    name: Deno.env.get("SIGN_IN_USER")!,
    password: Deno.env.get("SIGN_IN_PASSWORD")!,
  });
}
