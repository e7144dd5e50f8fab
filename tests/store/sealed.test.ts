import { expect, it, vi } from "vitest";
import { sealer, unsealed } from "../../lib/store/sealed.ts";

function aesKey(fill: number): Promise<CryptoKey> {
  const raw = new Uint8Array(32).fill(fill);
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

const seals = sealer(await aesKey(1));

it.each(["{}", "", `{"name":"Grüße \u{1F511}"}`, "x".repeat(100_000)])(
  "opens what it sealed",
  async (text) => {
    const sealed = await seals.seal(text, "row 1");
    expect(await seals.open(sealed, "row 1")).toBe(text);
    expect(sealed).toMatch(/^sealed:v1:[A-Za-z0-9_-]+$/);
  },
);

it("seals the same text differently each time", async () => {
  expect(await seals.seal("{}", "row 1")).not.toBe(await seals.seal("{}", "row 1"));
});

it("opens nothing that was sealed for another place, or under another key", async () => {
  const sealed = await seals.seal("{}", "row 1");
  expect(await seals.open(sealed, "row 2")).toBeNull();
  expect(await sealer(await aesKey(2)).open(sealed, "row 1")).toBeNull();
  expect(await unsealed.open(sealed, "row 1")).toBeNull();
});

it("opens nothing that was altered, at any byte", async () => {
  const sealed = await seals.seal("{}", "row 1");
  for (let index = "sealed:v1:".length; index < sealed.length; index++) {
    const other = sealed[index] === "A" ? "Q" : "A";
    const altered = sealed.slice(0, index) + other + sealed.slice(index + 1);
    expect([index, await seals.open(altered, "row 1")]).toEqual([index, null]);
  }
});

it.each(["sealed:v1:", "sealed:v1:AAAA", "sealed:v1:%%%", "sealed:v1:" + "A".repeat(40)])(
  "opens nothing of %j",
  async (text) => expect(await seals.open(text, "row 1")).toBeNull(),
);

it.each([["a sealer", seals], ["no sealer", unsealed]])(
  "opens what was kept in the clear with %s",
  async (_, one) => {
    expect(await one.open(`{"a":1}`, "row 1")).toBe(`{"a":1}`);
  },
);

it("follows a key that changes", async () => {
  let key = await aesKey(1);
  const following = sealer(() => key);
  const before = await following.seal("{}", "row 1");
  key = await aesKey(2);
  expect(await following.open(before, "row 1")).toBeNull();
  expect(await following.open(await following.seal("{}", "row 1"), "row 1")).toBe("{}");
});

it("remembers what it may, for its place and its key alone", async () => {
  let key = await aesKey(1);
  const following = sealer(() => key);
  const sealed = await following.seal("{}", "row 1");
  const decrypt = vi.spyOn(crypto.subtle, "decrypt");
  const open = (place: string, remember?: boolean) =>
    following.open(sealed, place, remember === undefined ? {} : { remember });
  expect([await open("row 1"), await open("row 1")]).toEqual(["{}", "{}"]);
  expect(decrypt).toHaveBeenCalledTimes(2);
  expect([await open("row 1", true), await open("row 1", true)]).toEqual(["{}", "{}"]);
  expect(decrypt).toHaveBeenCalledTimes(3);
  expect(await open("row 2", true)).toBeNull();
  key = await aesKey(2);
  expect(await open("row 1", true)).toBeNull();
  decrypt.mockRestore();
});
