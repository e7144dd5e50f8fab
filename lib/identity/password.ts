import { utf8 } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { type Argon2Answer, type Argon2Job, NOBODYS_HASH, SALT_BYTES } from "./_argon2_job.ts";
import { IdentityError } from "./identity_error.ts";

/** Shortest password that can be set, in bytes of UTF-8. */
export const MIN_PASSWORD_BYTES = 8;
/** Longest password, in bytes of UTF-8. */
export const MAX_PASSWORD_BYTES = 1024;

const DEFAULT_MAX_WAITING = 64;
/** Base32 without the letters that look like digits, or make words. */
const TYPEABLE = "0123456789abcdefghjkmnpqrstvwxyz";

interface Waiting {
  readonly job: Argon2Job;
  readonly done: PromiseWithResolvers<string | boolean>;
}

/**
 * Hashes passwords with argon2id (RFC 9106: 19 MiB, two passes, one lane) in a worker of its own, one at a time, so that
 * the tunnels of this thread never wait for it. The worker starts with the first password and needs to read its own
 * source. A password counts as its UTF-8 bytes: nothing is normalised or trimmed.
 */
export class PasswordHasher implements AsyncDisposable {
  readonly #random: Random;
  readonly #maxWaiting: number;
  readonly #waiting: Waiting[] = [];
  #worker: Worker | null = null;
  #running: Waiting | null = null;
  #disposed = false;

  /** A hasher that the caller disposes. `maxWaiting`: passwords that may wait for their turn; default 64. */
  constructor(options: { random: Random; maxWaiting?: number }) {
    this.#random = options.random;
    this.#maxWaiting = options.maxWaiting ?? DEFAULT_MAX_WAITING;
  }

  /**
   * Hashes a new password with a fresh salt.
   *
   * @param password 8 to 1024 bytes of UTF-8
   * @returns a PHC string
   * @throws {IdentityError} `identity/bad-password`, `identity/busy`, `identity/hasher-failed`
   */
  async hash(password: string): Promise<string> {
    const length = utf8(password).length;
    if (length < MIN_PASSWORD_BYTES || length > MAX_PASSWORD_BYTES) {
      throw new IdentityError(
        "identity/bad-password",
        `A password needs ${MIN_PASSWORD_BYTES} to ${MAX_PASSWORD_BYTES} bytes`,
      );
    }
    return String(await this.#run({ kind: "hash", password, salt: this.#random.bytes(SALT_BYTES) }));
  }

  /**
   * Whether `password` is the one behind `hash`. Takes as long for an unknown user as for a wrong password.
   *
   * @param password of any length; more than 1024 bytes are never right
   * @param hash a PHC string, or `null` for an unknown user, which is never right
   * @throws {IdentityError} `identity/busy`, `identity/hasher-failed`
   */
  async verify(password: string, hash: string | null): Promise<boolean> {
    // No user can have such a password, so answering at once tells nothing about who exists.
    if (password === "" || password.length > MAX_PASSWORD_BYTES) return false;
    const right = await this.#run({ kind: "verify", password, hash: hash ?? NOBODYS_HASH });
    return right === true && hash !== null;
  }

  /** Stops the worker; passwords still waiting fail with `identity/hasher-failed`. Safe to call twice. */
  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#stop("it was disposed");
    for (const { done } of this.#waiting.splice(0)) done.reject(hasherFailed("it was disposed"));
  }

  #run(job: Argon2Job): Promise<string | boolean> {
    if (this.#disposed) return Promise.reject(hasherFailed("it was disposed"));
    if (this.#waiting.length >= this.#maxWaiting) {
      return Promise.reject(
        new IdentityError("identity/busy", `Cannot check a password as ${this.#maxWaiting} others wait`, {
          hint: "try again in a few seconds",
        }),
      );
    }
    const done = Promise.withResolvers<string | boolean>();
    this.#waiting.push({ job, done });
    this.#next();
    return done.promise;
  }

  #next(): void {
    if (this.#running !== null) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#running = next;
    this.#worker ??= this.#start();
    this.#worker.postMessage(next.job);
  }

  #start(): Worker {
    const worker = new Worker(new URL("./_argon2_worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = (event: MessageEvent<Argon2Answer>) => this.#finish(event.data);
    worker.onerror = (event) => {
      // An error of the worker that nobody handles would end the whole process.
      event.preventDefault();
      this.#stop(event.message);
      this.#next();
    };
    return worker;
  }

  #finish(answer: Argon2Answer): void {
    const done = this.#running?.done;
    this.#running = null;
    if ("result" in answer) done?.resolve(answer.result);
    else done?.reject(hasherFailed(answer.failed));
    this.#next();
  }

  #stop(why: string): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#running?.done.reject(hasherFailed(why));
    this.#running = null;
  }
}

/**
 * A password that is easy to type: five groups of four letters and digits, without `i`, `l`, `o` and `u`, such as
 * `k7xw-2m9d-h4tq-vb3c-85pz`. It has 100 random bits.
 */
export function randomPassword(random: Random): string {
  const symbols = [...random.bytes(20)].map((byte) => TYPEABLE[byte % TYPEABLE.length]).join("");
  return symbols.replace(/.{4}(?!$)/g, "$&-");
}

function hasherFailed(why: string): IdentityError {
  return new IdentityError("identity/hasher-failed", `The password hasher stopped: ${why}`, {
    hint: "the program must be allowed to read its own files",
  });
}
