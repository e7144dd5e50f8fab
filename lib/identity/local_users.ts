import type { Clock } from "../base/clock.ts";
import { type Random, randomId } from "../base/random.ts";
import type { Store, UserRecord } from "../store/store.ts";
import { IdentityError } from "./identity_error.ts";
import type { PasswordHasher } from "./password.ts";
import { parseUserFields, parseUserName, type UserFields } from "./user_fields.ts";

/** A user without the password hash. */
export type UserProfile = Omit<UserRecord, "passwordHash">;

/** What is known of a new user. */
export interface NewUser extends UserFields {
  /** What is typed at sign-in: 1 to 64 of `a-z 0-9 . _ -`; upper case becomes lower case. */
  readonly name: string;
  /** 8 to 1024 bytes. */
  readonly password: string;
}

/** The people who sign in with a password that is kept here. */
export class LocalUsers {
  readonly #store: Store;
  readonly #hasher: PasswordHasher;
  readonly #random: Random;
  readonly #clock: Clock;

  /** Users in `store`, which stays the caller's to close, as does the hasher. */
  constructor(options: { store: Store; hasher: PasswordHasher; random: Random; clock: Clock }) {
    this.#store = options.store;
    this.#hasher = options.hasher;
    this.#random = options.random;
    this.#clock = options.clock;
  }

  /**
   * Adds a user.
   *
   * @throws {IdentityError} `identity/bad-name`, `identity/bad-email`, `identity/bad-display-name`,
   * `identity/bad-groups`, `identity/bad-password`
   * @throws {StoreError} `store/user-exists`
   */
  async add(user: NewUser): Promise<UserProfile> {
    const name = parseUserName(user.name);
    const profile = {
      id: randomId(this.#random),
      name,
      ...parseUserFields(user, name),
      createdAt: this.#clock.now(),
    };
    await this.#store.addUser({ ...profile, passwordHash: await this.#hasher.hash(user.password) });
    return profile;
  }

  /**
   * Replaces the password and ends every session of the user.
   *
   * @throws {IdentityError} `identity/no-such-user`, `identity/bad-password`
   */
  async setPassword(name: string, password: string): Promise<void> {
    const user = await this.#find(name);
    if (!await this.#store.setPassword(user.id, await this.#hasher.hash(password))) throw noSuchUser(name);
  }

  /** All users, by name. */
  async list(): Promise<UserProfile[]> {
    const users = await this.#store.listUsers();
    return users.map(({ passwordHash: _, ...profile }) => profile);
  }

  /** Removes the user and ends every session of theirs. @throws {IdentityError} `identity/no-such-user` */
  async remove(name: string): Promise<void> {
    const user = await this.#find(name);
    if (!await this.#store.removeUser(user.id)) throw noSuchUser(name);
  }

  /**
   * Checks a name and password, in the same time whether or not there is such a user. Limiting how often is up to the
   * caller.
   *
   * @param name as typed; upper case becomes lower case
   * @returns the user, or `null` when the name or the password is wrong
   * @throws {IdentityError} `identity/busy`, `identity/hasher-failed`
   */
  async authenticate(name: string, password: string): Promise<UserRecord | null> {
    const user = await this.#store.userByName(name.toLowerCase());
    const right = await this.#hasher.verify(password, user?.passwordHash || null);
    return right ? user : null;
  }

  async #find(name: string): Promise<UserRecord> {
    // A person of an identity provider goes by an id with upper case.
    const user = await this.#store.userByName(name.toLowerCase()) ?? await this.#store.userByName(name);
    if (user === null) throw noSuchUser(name);
    return user;
  }
}

function noSuchUser(name: string): IdentityError {
  return new IdentityError("identity/no-such-user", `There is no user ${JSON.stringify(name)}`);
}
