import { describe, expect, it } from "vitest";
import { carrierMemory } from "../../lib/client/carrier_memory.ts";

const HOUR_MS = 3_600_000;

function memoryWith(initial: string | null = null) {
  const file = { text: initial, addresses: ["192.0.2.1", "2001:db8::1"] };
  const memory = carrierMemory({
    read: () => Promise.resolve(file.text),
    write: (text) => Promise.resolve(void (file.text = text)),
    addresses: () => file.addresses,
  });
  return { memory, file };
}

describe("carrierMemory()", () => {
  it("recalls the carrier that worked last, of this gateway only", async () => {
    const { memory } = memoryWith();
    await memory.remember("https://a.example.com", "h2", 0);
    await memory.remember("https://a.example.com", "h3", 1);
    expect(await memory.recall("https://a.example.com", 2)).toBe("h3");
    expect(await memory.recall("https://b.example.com", 2)).toBeNull();
  });

  it.each([[HOUR_MS - 1, "h2"], [HOUR_MS, null], [-1, null]])(
    "recalls it after %d ms as %s",
    async (age, name) => {
      const { memory } = memoryWith();
      await memory.remember("https://a.example.com", "h2", 10);
      expect(await memory.recall("https://a.example.com", 10 + age)).toBe(name);
    },
  );

  it("recalls nothing on another network, and the same again on this one", async () => {
    const { memory, file } = memoryWith();
    await memory.remember("https://a.example.com", "h1", 0);
    file.addresses = ["198.51.100.7"];
    expect(await memory.recall("https://a.example.com", 0)).toBeNull();
    file.addresses = ["2001:db8::1", "192.0.2.1"];
    expect(await memory.recall("https://a.example.com", 0)).toBe("h1");
  });

  it("forgets", async () => {
    const { memory } = memoryWith();
    await memory.remember("https://a.example.com", "h1", 0);
    await memory.forget("https://a.example.com");
    expect(await memory.recall("https://a.example.com", 0)).toBeNull();
  });

  it("keeps the latest hundred", async () => {
    const { memory, file } = memoryWith();
    for (let index = 0; index <= 100; index++) await memory.remember(`https://${index}.example.com`, "h3", 0);
    expect(JSON.parse(file.text!)).toHaveLength(100);
    expect(await memory.recall("https://0.example.com", 0)).toBeNull();
    expect(await memory.recall("https://100.example.com", 0)).toBe("h3");
  });

  it.each([
    "",
    "{",
    "7",
    "null",
    '[null, 1, {"key": "k"}]',
    '[{"key":"https://a.example.com x","name":"h9","at":0}]',
  ])(
    "starts anew from %j",
    async (text) => {
      const { memory } = memoryWith(text);
      expect(await memory.recall("https://a.example.com", 0)).toBeNull();
      await memory.remember("https://a.example.com", "h3", 0);
      expect(await memory.recall("https://a.example.com", 0)).toBe("h3");
    },
  );

  it("goes on without a file that can be read or written", async () => {
    const memory = carrierMemory({
      read: () => Promise.reject(new Error("no")),
      write: () => Promise.reject(new Error("no")),
      addresses: () => [],
    });
    await memory.remember("https://a.example.com", "h3", 0);
    expect(await memory.recall("https://a.example.com", 0)).toBeNull();
  });
});
