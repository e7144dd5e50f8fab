import type { ReverseConnection, ReverseForwards, SshClient, SshLogin } from "../handlers.ts";
import { type ReverseServices, SshReverseConnection } from "./reverse_connection.ts";

/** Publishing services with `ssh -R`. */
export class SshReverseForwards implements ReverseForwards {
  readonly #services: ReverseServices;

  /** Publishes nothing by itself. */
  constructor(services: ReverseServices) {
    this.#services = services;
  }

  /** {@inheritDoc ReverseForwards.attach} */
  attach(client: SshClient, login: SshLogin): ReverseConnection {
    return new SshReverseConnection({ client, login, services: this.#services });
  }
}
