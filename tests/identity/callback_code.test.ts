import { CompactEncrypt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { CallbackCodes, type CallbackPayload } from "../../lib/identity/callback_code.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import { type Store, StoreError } from "../../lib/store/store.ts";
import { FakeClock, keys, strangersKeys } from "./_fakes.ts";

const PAYLOAD: CallbackPayload = {
  sessionId: "session-1",
  callbackHost: "app.example.com:8443",
  redirectUri: "https://app.example.com:8443/page?a=b",
  programmatic: false,
};
const HERE = { callbackHost: "app.example.com:8443" };

let clock: FakeClock;
let store: Store;
let codes: CallbackCodes;
beforeEach(async () => {
  clock = new FakeClock();
  store = await openSqliteStore({ path: ":memory:" });
  codes = new CallbackCodes({ key: keys.callback, store, clock, random: systemRandom });
});
afterEach(() => store[Symbol.asyncDispose]());

describe("CallbackCodes", () => {
  it("opens what it sealed, which fits into a URL and shows nothing", async () => {
    const code = await codes.seal(PAYLOAD);
    expect(code).toMatch(/^[\w.-]+$/);
    expect(code.split(".").map(atobUrl).join()).not.toContain("session-1");
    expect(await codes.open(code, HERE)).toEqual(PAYLOAD);
  });

  it("seals the longest redirect that a signed URL can carry", async () => {
    const long = { ...PAYLOAD, redirectUri: "https://app.example.com/" + "x".repeat(8168) };
    expect(await codes.open(await codes.seal(long), HERE)).toEqual(long);
  });

  it("replayed: opens a code once", async () => {
    const code = await codes.seal(PAYLOAD);
    await codes.open(code, HERE);
    await expect(codes.open(code, HERE)).rejects.toMatchObject({ code: "identity/code-used" });
  });

  it("replayed at the same moment: opens a code once", async () => {
    const code = await codes.seal(PAYLOAD);
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => codes.open(code, HERE)));
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
  });

  it("replayed after a sweep: is expired by then", async () => {
    const code = await codes.seal(PAYLOAD);
    await codes.open(code, HERE);
    clock.advance(60_000);
    await store.sweep(clock.now());
    await expect(codes.open(code, HERE)).rejects.toMatchObject({ code: "identity/code-expired" });
  });

  it("opens two codes for one session, each once", async () => {
    const [one, two] = [await codes.seal(PAYLOAD), await codes.seal(PAYLOAD)];
    await codes.open(one, HERE);
    await expect(codes.open(two, HERE)).resolves.toEqual(PAYLOAD);
  });

  it("expired: honours a minute, without leeway", async () => {
    const [one, two] = [await codes.seal(PAYLOAD), await codes.seal(PAYLOAD)];
    clock.advance(59_999);
    await expect(codes.open(one, HERE)).resolves.toEqual(PAYLOAD);
    clock.advance(1);
    await expect(codes.open(two, HERE)).rejects.toMatchObject({ code: "identity/code-expired" });
  });

  it("taken to another host: does not open there, and is not used up by it", async () => {
    const code = await codes.seal(PAYLOAD);
    for (const callbackHost of ["evil.example", "app.example.com", ""]) {
      await expect(codes.open(code, { callbackHost })).rejects.toMatchObject({
        code: "identity/code-invalid",
      });
    }
    await expect(codes.open(code, HERE)).resolves.toEqual(PAYLOAD);
  });

  it.each<[string, (code: string) => string | Promise<string>]>([
    ["empty", () => ""],
    ["nonsense", () => "nonsense"],
    ["tampered", (code) => {
      const parts = code.split(".");
      parts[3] = (parts[3]!.startsWith("A") ? "B" : "A") + parts[3]!.slice(1);
      return parts.join(".");
    }],
    ["longer than any code", () => codes.seal({ ...PAYLOAD, redirectUri: "x".repeat(16_384) })],
    ["forged with another secret", () => forge({ alg: "dir", enc: "A256GCM" }, strangersKeys.callback)],
    ["sealed under another algorithm", () => forge({ alg: "A256GCMKW", enc: "A256GCM" }, keys.callback)],
  ])("refuses a code that is %s", async (_, make) => {
    const code = await make(await codes.seal(PAYLOAD));
    await expect(codes.open(code, HERE)).rejects.toMatchObject({ code: "identity/code-invalid" });
  });

  it("opens nothing when the store cannot remember it", async () => {
    const code = await codes.seal(PAYLOAD);
    await store[Symbol.asyncDispose]();
    await expect(codes.open(code, HERE)).rejects.toThrow(StoreError);
  });
});

function atobUrl(text: string): string {
  return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
}

async function forge(header: { alg: string; enc: string }, key: CryptoKey): Promise<string> {
  const payload = utf8(JSON.stringify({ ...PAYLOAD, nonce: "x", expiry: 9e15 }));
  try {
    return await new CompactEncrypt(payload).setProtectedHeader(header).encrypt(key);
  } catch {
    const sealed = await new CompactEncrypt(payload).setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .encrypt(key);
    const head = btoa(JSON.stringify(header)).replaceAll("=", "");
    return [head, ...sealed.split(".").slice(1)].join(".");
  }
}
