import type { CustomFetch } from "openid-client";
import { errorMessage } from "../base/errors.ts";
import { readBody } from "../base/read_body.ts";
import { IdentityError } from "./identity_error.ts";

/** Metadata, key sets and userinfo are a few KiB. */
const MAX_ANSWER_KIB = 512;

/**
 * How an identity provider is asked: answers of at most `maxAnswerKib`, read whole, within `timeoutMs`; no redirect is
 * followed.
 *
 * @param options `authorityPem`: trusted beside the system's authorities; `maxAnswerKib`: default 512
 * @returns a function that throws {@link IdentityError} `identity/provider-unavailable`
 */
export function providerFetch(
  options: { authorityPem: string | null; timeoutMs: number; maxAnswerKib?: number },
): CustomFetch {
  return async (url, init) => {
    // One for each request, so that nobody has to close it: sign-ins are few.
    using client = options.authorityPem === null
      ? null
      : Deno.createHttpClient({ caCerts: [options.authorityPem] });
    const late = AbortSignal.timeout(options.timeoutMs);
    const signal = init.signal === undefined ? late : AbortSignal.any([init.signal, late]);
    try {
      const response = await fetch(url, {
        method: init.method,
        headers: init.headers,
        body: init.body as BodyInit | null,
        redirect: "manual",
        signal,
        ...(client === null ? {} : { client }),
      });
      return await readWhole(response, options.maxAnswerKib ?? MAX_ANSWER_KIB);
    } catch (cause) {
      if (cause instanceof IdentityError) throw cause;
      const what = late.aborted ? "took too long" : `cannot be reached: ${errorMessage(cause)}`;
      throw unavailable(`${new URL(url).host} ${what}`, cause);
    }
  };
}

/** What to throw when the provider does not do its part. @param what names no secret */
export function unavailable(what: string, cause?: unknown): IdentityError {
  return new IdentityError("identity/provider-unavailable", `The identity provider failed: ${what}`, {
    cause,
  });
}

async function readWhole(response: Response, maxKib: number): Promise<Response> {
  const body = await readBody(response, maxKib * 1024);
  if (body === null) throw unavailable(`its answer is longer than ${maxKib} KiB`);
  const { status, statusText, headers } = response;
  const hasNoBody = [204, 205, 304].includes(status);
  return new Response(hasNoBody ? null : body, { status, statusText, headers });
}
