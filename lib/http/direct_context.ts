import type { Http1RequestHead } from "../codec/http1_request_head.ts";
import type { HttpEnv } from "./env.ts";
import { http1Url } from "./http1_request.ts";
import type { RequestContext, RequestFacts, RequestFields } from "./request_context.ts";

/** A request that is forwarded without the application. */
export class DirectContext implements RequestContext {
  /** {@inheritDoc RequestContext.env} */
  readonly env: RequestFacts;
  /** {@inheritDoc RequestContext.req} */
  readonly req: RequestContext["req"];
  readonly #values: Partial<HttpEnv["Variables"]> = {};

  /** {@inheritDoc RequestContext.site} */
  readonly site: URL;

  /** Nothing is known of it yet. @param options `path`: as routes are found by it; `site`: of its URL */
  constructor(
    head: Http1RequestHead,
    { facts, path, site }: { facts: RequestFacts; path: string; site: URL },
  ) {
    this.env = facts;
    this.site = site;
    this.req = new DirectRequest(head, path);
  }

  /** {@inheritDoc RequestContext.get} */
  get<Key extends keyof HttpEnv["Variables"]>(key: Key): HttpEnv["Variables"][Key] {
    return this.#values[key]!;
  }

  /** {@inheritDoc RequestContext.set} */
  set<Key extends keyof HttpEnv["Variables"]>(key: Key, value: HttpEnv["Variables"][Key]): void {
    this.#values[key] = value;
  }

  /** All that is known of it. */
  get values(): Readonly<Partial<HttpEnv["Variables"]>> {
    return this.#values;
  }
}

class DirectRequest {
  readonly method: string;
  readonly path: string;
  readonly raw: { readonly headers: RequestFields };
  readonly #head: Http1RequestHead;
  readonly #fields = new Map<string, string>();

  constructor(head: Http1RequestHead, path: string) {
    this.method = head.method;
    this.#head = head;
    this.path = path;
    const { fields } = head;
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const name = fields[i]!.toLowerCase();
      const before = this.#fields.get(name);
      this.#fields.set(name, before === undefined ? fields[i + 1]! : `${before}, ${fields[i + 1]}`);
    }
    this.raw = {
      headers: {
        get: (name) => this.#fields.get(name.toLowerCase()) ?? null,
        [Symbol.iterator]: () => this.#fields[Symbol.iterator](),
      },
    };
  }

  get url(): string {
    return http1Url(this.#head);
  }

  header(name: string): string | undefined {
    return this.#fields.get(name.toLowerCase());
  }
}
