import { constants } from "node:os";
import type { Listener } from "./_accept_loop.ts";
import type { Native, NativeTcp, SocketName } from "./_native.ts";
import type { Address } from "./_port.ts";
import { ListenError } from "./listen_error.ts";

const BACKLOG = 511;
const LOOK_AGAIN_MS = 1000;
/** SO_REUSEPORT, as libuv numbers it. */
const REUSE_PORT = 4;
const ANY_ADDRESS = "0.0.0.0";
const { EADDRINUSE, EACCES } = constants.errno;

/** A TCP port that hands out sockets of the platform as they are. Whoever makes it closes it. */
export class NativeListener implements Listener<NativeTcp> {
  readonly addr: Deno.NetAddr;
  readonly #native: Native;
  readonly #tcp: NativeTcp;
  #isWaiting = false;
  #closed = false;
  #wake: () => void = () => {};
  readonly #timer: ReturnType<typeof setInterval>;

  /** Listens. @param address `sharesPort`: others may listen there too @throws {ListenError} */
  constructor(native: Native, address: Address & { readonly sharesPort?: boolean }) {
    const { hostname, port, sharesPort = false } = address;
    this.#native = native;
    this.#tcp = native.listener();
    this.#tcp.onconnection = () => this.#wake();
    try {
      const flags = sharesPort ? REUSE_PORT : 0;
      check(this.#tcp.bindWithFlags(hostname || ANY_ADDRESS, port, flags));
      check(this.#tcp.listen(BACKLOG));
    } catch (error) {
      this.#tcp.close();
      throw ListenError.from(error, address);
    }
    const name = {} as SocketName;
    this.#tcp.getsockname(name);
    this.#timer = setInterval(() => this.#lookAgain(), LOOK_AGAIN_MS);
    Deno.unrefTimer(this.#timer);
    this.addr = { transport: "tcp", hostname: name.address, port: name.port };
  }

  /** Waits for the next connection. */
  async accept(): Promise<NativeTcp> {
    for (;;) {
      if (this.#closed) throw new Deno.errors.BadResource("The listener is closed");
      const client = this.#native.socket();
      if (this.#tcp.accept(client) === 0) return client;
      client.close();
      this.#isWaiting = true;
      this.#lookAgain();
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#isWaiting = false;
    }
  }

  /** Makes the one who waits fail. Safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#tcp.close();
    this.#wake();
  }

  /**
   * The platform (Deno 2.9.6) looks for no more connections when some have had to wait for us, nor, without a word, when it
   * was out of descriptors. Listening again on the same socket makes it look. Those that wait in between are in the
   * process already, 128 at most.
   */
  #lookAgain(): void {
    if (this.#isWaiting && !this.#closed) this.#tcp.listen(BACKLOG);
  }
}

/** @throws {Error} as the platform's own listener does */
function check(status: number): void {
  const message = `error ${status} of the system`;
  if (status === -EADDRINUSE) throw new Deno.errors.AddrInUse(message);
  if (status === -EACCES) throw new Deno.errors.PermissionDenied(message);
  if (status !== 0) throw new Error(message);
}
