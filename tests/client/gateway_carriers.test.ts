import { describe, expect, it } from "vitest";
import type { Carrier, CarrierName } from "../../lib/client/carrier.ts";
import type { CarrierMemory } from "../../lib/client/carrier_memory.ts";
import { ClientError } from "../../lib/client/client_error.ts";
import { GatewayCarriers, type GatewayCarriersOptions } from "../../lib/client/gateway_carriers.ts";

const GATEWAY = { tls: true, host: "gw.example.com", port: 443 };
const noSignal = new AbortController().signal;

/** What happens when a carrier is connected. */
type Outcome = "connects" | "connects without udp" | "is not spoken" | "is not trusted" | "fails" | "hangs";

class FakeCarrier implements Carrier {
  isOpen = true;
  isRetired = false;

  constructor(readonly name: CarrierName, readonly carriesUdp: boolean) {}

  openTcp(): never {
    throw new Error("not opened in this test");
  }

  openUdp(): never {
    throw new Error("not opened in this test");
  }

  retire(): void {
    this.isRetired = true;
  }

  close(): void {
    this.isOpen = false;
  }
}

function fakeMemory(known: CarrierName | null = null): CarrierMemory & { known: CarrierName | null } {
  return {
    known,
    recall() {
      return Promise.resolve(this.known);
    },
    remember(_, name) {
      this.known = name;
      return Promise.resolve();
    },
    forget() {
      this.known = null;
      return Promise.resolve();
    },
  };
}

function carriersWith(
  outcomes: Partial<Record<CarrierName, Outcome>>,
  options: Partial<GatewayCarriersOptions> = {},
) {
  const tried: CarrierName[] = [];
  const givenUp: CarrierName[] = [];
  const connected: FakeCarrier[] = [];
  const connect = async (name: CarrierName, signal: AbortSignal): Promise<Carrier> => {
    tried.push(name);
    const outcome = outcomes[name] ?? "fails";
    if (outcome === "hangs") {
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => (givenUp.push(name), reject(signal.reason)));
      });
    }
    if (outcome === "is not spoken") throw new ClientError("client/no-carrier", `no ${name}`);
    if (outcome === "is not trusted") throw new ClientError("client/tls-untrusted", `${name} is not trusted`);
    if (outcome === "fails") throw new ClientError("client/unreachable", `${name} fails`);
    const carrier = new FakeCarrier(name, outcome === "connects");
    connected.push(carrier);
    return carrier;
  };
  const memory = fakeMemory();
  const carriers = new GatewayCarriers({
    kind: "tcp",
    gateway: GATEWAY,
    forced: null,
    order: ["h3", "h2", "h1"],
    connect,
    memory,
    now: () => 0,
    headStartMs: 1,
    ...options,
  });
  return { carriers, tried, givenUp, connected, memory };
}

describe("GatewayCarriers", () => {
  it.each<[string, Partial<Record<CarrierName, Outcome>>, "tcp" | "udp", CarrierName, CarrierName[]]>([
    ["HTTP/3, and does not try the others", { h3: "connects" }, "tcp", "h3", ["h3"]],
    ["HTTP/2 when HTTP/3 fails", { h3: "fails", h2: "connects" }, "tcp", "h2", ["h3", "h2"]],
    ["HTTP/2 when HTTP/3 does not answer", { h3: "hangs", h2: "connects" }, "tcp", "h2", ["h3", "h2"]],
    ["HTTP/1.1 when HTTP/2 is not spoken", { h2: "is not spoken", h1: "connects" }, "tcp", "h1", [
      "h3",
      "h2",
      "h1",
    ]],
    ["HTTP/2 that takes no UDP, for TCP", { h2: "connects without udp" }, "tcp", "h2", ["h3", "h2"]],
    [
      "HTTP/1.1 for UDP that HTTP/2 does not take",
      { h2: "connects without udp", h1: "connects" },
      "udp",
      "h1",
      [
        "h3",
        "h2",
        "h1",
      ],
    ],
    [
      "HTTP/2 for UDP that HTTP/3 does not take",
      { h3: "connects without udp", h2: "connects" },
      "udp",
      "h2",
      [
        "h3",
        "h2",
      ],
    ],
  ])("takes %s", async (_, outcomes, kind, name, order) => {
    const { carriers, tried, memory } = carriersWith(outcomes, { kind, headStartMs: 1 });
    expect((await carriers.get(noSignal)).name).toBe(name);
    expect(tried).toEqual(order);
    expect(memory.known).toBe(name);
  });

  it("gives up what has lost", async () => {
    const { carriers, givenUp } = carriersWith({ h3: "hangs", h2: "connects" });
    await carriers.get(noSignal);
    expect(givenUp).toEqual(["h3"]);
  });

  it("fails as TLS does when nothing works, and remembers nothing", async () => {
    const { carriers, memory } = carriersWith({ h3: "fails", h2: "fails" });
    await expect(carriers.get(noSignal)).rejects.toThrow("h2 fails");
    expect(memory.known).toBeNull();
  });

  it("does not wait for HTTP/3 when TLS has failed over a certificate", async () => {
    const { carriers, givenUp } = carriersWith({ h3: "hangs", h2: "is not trusted" });
    await expect(carriers.get(noSignal)).rejects.toMatchObject({ code: "client/tls-untrusted" });
    expect(givenUp).toEqual(["h3"]);
  });

  it("tries what worked before, and nothing else when it works again", async () => {
    const { carriers, tried } = carriersWith({ h3: "hangs", h1: "connects" }, { memory: fakeMemory("h1") });
    expect((await carriers.get(noSignal)).name).toBe("h1");
    expect(tried).toEqual(["h1"]);
  });

  it("tries all when what worked before does not any more", async () => {
    const memory = fakeMemory("h3");
    const { carriers, tried } = carriersWith({ h3: "fails", h2: "connects" }, { memory });
    expect((await carriers.get(noSignal)).name).toBe("h2");
    expect(tried).toEqual(["h3", "h3", "h2"]);
    expect(memory.known).toBe("h2");
  });

  it("tries nothing but the carrier that is forced, and forgets nothing for it", async () => {
    const { carriers, tried, memory } = carriersWith({ h3: "connects" }, { forced: "h2" });
    await expect(carriers.get(noSignal)).rejects.toThrow("h2 fails");
    expect(tried).toEqual(["h2"]);
    expect(memory.known).toBeNull();
  });

  it("says when the carrier that is forced takes no UDP", async () => {
    const { carriers, connected } = carriersWith({ h2: "connects without udp" }, {
      forced: "h2",
      kind: "udp",
    });
    await expect(carriers.get(noSignal)).rejects.toMatchObject({ code: "client/no-carrier" });
    expect(connected[0]!.isOpen).toBe(false);
  });

  it("connects once for all who ask, and goes on with it", async () => {
    const { carriers, tried } = carriersWith({ h3: "connects" });
    const [first, second] = await Promise.all([carriers.get(noSignal), carriers.get(noSignal)]);
    expect(second).toBe(first);
    expect(await carriers.get(noSignal)).toBe(first);
    expect(tried).toEqual(["h3"]);
  });

  it("connects anew when the carrier has died, and tells of another", async () => {
    const outcomes: Partial<Record<CarrierName, Outcome>> = { h3: "connects", h2: "connects" };
    const told: CarrierName[] = [];
    const { carriers, connected } = carriersWith(outcomes, { onCarrier: (name) => told.push(name) });
    await carriers.get(noSignal);
    connected[0]!.close();
    outcomes.h3 = "fails";
    expect((await carriers.get(noSignal)).name).toBe("h2");
    expect(told).toEqual(["h3", "h2"]);
    expect(connected.map(({ isRetired }) => isRetired)).toEqual([true, false]);
  });

  it("lets one give up waiting without giving up for the others", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { carriers } = carriersWith({}, {
      forced: "h1",
      connect: async () => {
        await promise;
        return new FakeCarrier("h1", true);
      },
    });
    const controller = new AbortController();
    const [impatient, patient] = [carriers.get(controller.signal), carriers.get(noSignal)];
    controller.abort(new Error("enough"));
    await expect(impatient).rejects.toThrow("enough");
    resolve();
    expect((await patient).name).toBe("h1");
  });

  it("closes the carrier when it is disposed, and one that comes later", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = new FakeCarrier("h1", true);
    const { carriers } = carriersWith({}, { forced: "h1", connect: () => promise.then(() => late) });
    const waiting = carriers.get(noSignal);
    carriers[Symbol.dispose]();
    resolve();
    await expect(waiting).rejects.toMatchObject({ code: "client/cancelled" });
    expect(late.isOpen).toBe(false);
  });
});
