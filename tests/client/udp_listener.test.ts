import { afterEach, describe, expect, it } from "vitest";
import type { DatagramFlow } from "../../lib/base/datagram_flow.ts";
import { listenUdp, type UdpListenerOptions } from "../../lib/client/udp_listener.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { until } from "../_support/until.ts";

/** A tunnel whose other end answers what it is sent with its own number in front. */
class EchoFlow implements DatagramFlow {
  readonly maxPayloadBytes = 65_527;
  readonly sent: string[] = [];
  isClosed = false;
  #deliver: (payload: Uint8Array) => void = () => {};
  readonly #ended = Promise.withResolvers<void>();

  constructor(readonly number: number) {}

  send(payload: Uint8Array): boolean {
    const text = new TextDecoder().decode(payload);
    this.sent.push(text);
    this.#deliver(new TextEncoder().encode(`${this.number}:${text}`));
    return true;
  }

  receive(deliver: (payload: Uint8Array) => void): Promise<void> {
    this.#deliver = deliver;
    return this.#ended.promise;
  }

  end(error?: Error): void {
    if (error === undefined) this.#ended.resolve();
    else this.#ended.reject(error);
  }

  close(): void {
    this.isClosed = true;
    this.#ended.resolve();
  }
}

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

async function listen(options: Partial<UdpListenerOptions<EchoFlow>> = {}) {
  const flows: EchoFlow[] = [];
  const errors: unknown[] = [];
  const clock = new ManualClock();
  const listener = await listenUdp({ hostname: "127.0.0.1", port: 0 }, {
    open: () => {
      const flow = new EchoFlow(flows.length);
      flows.push(flow);
      return Promise.resolve(flow);
    },
    onError: (error) => errors.push(error),
    clock,
    signal: stop.signal,
    ...options,
  });
  const port = Number(listener.address.split(":").at(-1));
  return { listener, flows, errors, clock, program: () => new Program(port) };
}

/** A local program. */
class Program implements Disposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });

  constructor(readonly port: number) {}

  async send(text: string): Promise<void> {
    const to = { transport: "udp", hostname: "127.0.0.1", port: this.port } as const;
    await this.#socket.send(new TextEncoder().encode(text), to);
  }

  async receive(): Promise<string> {
    return new TextDecoder().decode((await this.#socket.receive())[0]);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

describe("listenUdp()", () => {
  it("opens one tunnel for each program, and gives each its own answers", async () => {
    const { listener, flows, program } = await listen();
    using first = program();
    using second = program();
    for (const text of ["a", "b"]) {
      await first.send(text);
      expect(await first.receive()).toBe(`0:${text}`);
      await second.send(text);
      expect(await second.receive()).toBe(`1:${text}`);
    }
    expect(flows).toHaveLength(2);
    expect(listener.peers).toBe(2);
  });

  it("keeps what comes before the tunnel is open, in order, and no more than 16 of them", async () => {
    const { promise, resolve } = Promise.withResolvers<EchoFlow>();
    const { listener, program } = await listen({ open: () => promise });
    using one = program();
    using other = program();
    const texts = Array.from({ length: 20 }, (_, index) => String(index));
    for (const text of texts) await one.send(text);
    await other.send("last");
    await until(() => listener.peers === 2);
    const flow = new EchoFlow(0);
    resolve(flow);
    expect(await one.receive()).toBeDefined();
    expect(flow.sent.filter((text) => text !== "last")).toEqual(texts.slice(0, 16));
  });

  it("carries empty and the longest packets", async () => {
    const { program } = await listen();
    using one = program();
    await one.send("");
    expect(await one.receive()).toBe("0:");
    await one.send("x".repeat(65_505));
    expect((await one.receive()).length).toBe(65_507);
  });

  it("closes the tunnel of a program that has been quiet for two minutes, and opens another when it comes back", async () => {
    const { listener, flows, clock, program } = await listen();
    using one = program();
    await one.send("a");
    await one.receive();
    for (let step = 0; step < 8; step++) clock.advance(15_000);
    expect(flows[0]!.isClosed).toBe(true);
    expect(listener.peers).toBe(0);
    await one.send("b");
    expect(await one.receive()).toBe("1:b");
  });

  it("lets a tunnel live on that is used", async () => {
    const { flows, clock, program } = await listen();
    using one = program();
    for (let step = 0; step < 20; step++) {
      await one.send("a");
      await one.receive();
      clock.advance(15_000);
    }
    expect(flows).toHaveLength(1);
    expect(flows[0]!.isClosed).toBe(false);
  });

  it("takes the place of the quietest program when there are too many", async () => {
    const { flows, program } = await listen({ maxPeers: 2 });
    using first = program();
    using second = program();
    using third = program();
    for (const one of [first, second, first, third]) {
      await one.send("a");
      await one.receive();
    }
    expect(flows.map(({ isClosed }) => isClosed)).toEqual([false, true, false]);
  });

  it("opens another tunnel when one has broken, and says what broke it", async () => {
    const { flows, errors, program } = await listen();
    using one = program();
    await one.send("a");
    await one.receive();
    flows[0]!.end(new Error("the carrier died"));
    await until(() => errors.length === 1);
    await one.send("b");
    expect(await one.receive()).toBe("1:b");
    expect(errors).toEqual([new Error("the carrier died")]);
  });

  it("tells of a tunnel that the other end has ended", async () => {
    const ended: EchoFlow[] = [];
    const { flows, program } = await listen({ onEnd: (flow) => ended.push(flow) });
    using one = program();
    await one.send("a");
    await one.receive();
    flows[0]!.end();
    await until(() => ended.length === 1);
    expect(ended).toEqual([flows[0]]);
  });

  it("gives up a tunnel that is being opened, and frees the port, when it is stopped", async () => {
    const given = Promise.withResolvers<AbortSignal>();
    const { listener, program } = await listen({
      open: (signal) => {
        given.resolve(signal);
        return new Promise(() => {});
      },
    });
    using one = program();
    await one.send("a");
    const signal = await given.promise;
    stop.abort();
    await listener.finished;
    expect(signal.aborted).toBe(true);
    Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: one.port }).close();
  });

  it("says why it cannot listen", async () => {
    using taken = new Program(0);
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = socket.addr as Deno.NetAddr;
    const options = {
      open: () => Promise.reject(),
      onError() {},
      clock: new ManualClock(),
      signal: stop.signal,
    };
    await expect(listenUdp({ hostname: "127.0.0.1", port }, options)).rejects.toMatchObject({
      code: "client/cannot-listen",
    });
    socket.close();
    expect(taken.port).toBe(0);
  });
});
