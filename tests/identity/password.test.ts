import { argon2id } from "hash-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { systemRandom } from "../../lib/base/random.ts";
import { PasswordHasher, randomPassword } from "../../lib/identity/password.ts";
import { constantRandom } from "./_fakes.ts";

const hasher = new PasswordHasher({ random: systemRandom });
afterAll(() => hasher[Symbol.asyncDispose]());

describe("PasswordHasher", () => {
  it("hashes with argon2id, 19 MiB, two passes, one lane, as a PHC string", async () => {
    await using seeded = new PasswordHasher({ random: constantRandom(7) });
    const expected = await argon2id({
      password: "correct horse",
      salt: new Uint8Array(16).fill(7),
      memorySize: 19_456,
      iterations: 2,
      parallelism: 1,
      hashLength: 32,
      outputType: "encoded",
    });
    expect(expected).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await seeded.hash("correct horse")).toBe(expected);
  });

  it("salts: the same password never has the same hash", async () => {
    expect(await hasher.hash("correct horse")).not.toBe(await hasher.hash("correct horse"));
  });

  it("tells the right password from wrong ones", async () => {
    const hash = await hasher.hash("pässword-\u{1F511}");
    expect(await hasher.verify("pässword-\u{1F511}", hash)).toBe(true);
    expect(await hasher.verify("pässword-\u{1F512}", hash)).toBe(false);
    expect(await hasher.verify("", hash)).toBe(false);
  });

  it("normalises and trims nothing", async () => {
    const hash = await hasher.hash("caf\u00e9 noir");
    expect(await hasher.verify("cafe\u0301 noir", hash)).toBe(false);
    expect(await hasher.verify("caf\u00e9 noir ", hash)).toBe(false);
  });

  it("never lets an unknown user in", async () => {
    expect(await hasher.verify("correct horse", null)).toBe(false);
  });

  it.each([
    ["7 bytes", "1234567"],
    ["nothing", ""],
    ["1025 bytes", "x".repeat(1025)],
    ["1026 bytes in 513 characters", "é".repeat(513)],
  ])("refuses to set %s", async (_, password) => {
    await expect(hasher.hash(password)).rejects.toMatchObject({ code: "identity/bad-password" });
  });

  it.each([
    ["8 bytes", "12345678"],
    ["1024 bytes", "x".repeat(1024)],
  ])("sets and verifies %s", async (_, password) => {
    expect(await hasher.verify(password, await hasher.hash(password))).toBe(true);
  });

  it("answers a password beyond every bound without hashing it", async () => {
    await using full = new PasswordHasher({ random: systemRandom, maxWaiting: 0 });
    expect(await full.verify("x".repeat(1_000_000), null)).toBe(false);
  });

  it("hashes for an unknown user as for a known one", async () => {
    await using full = new PasswordHasher({ random: systemRandom, maxWaiting: 0 });
    await expect(full.verify("correct horse", null)).rejects.toMatchObject({ code: "identity/busy" });
  });

  it("answers identity/busy when too many wait, and serves those who do", async () => {
    await using small = new PasswordHasher({ random: systemRandom, maxWaiting: 2 });
    const calls = Array.from({ length: 4 }, () => small.hash("correct horse"));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
    expect(outcomes[3]).toMatchObject({ reason: { code: "identity/busy" } });
    await expect(small.hash("correct horse")).resolves.toMatch(/^\$argon2id/);
  });

  it("fails on a damaged hash and goes on with the next", async () => {
    await expect(hasher.verify("correct horse", "$argon2id$nonsense"))
      .rejects.toMatchObject({ code: "identity/hasher-failed" });
    await expect(hasher.hash("correct horse")).resolves.toMatch(/^\$argon2id/);
  });

  it("does not stall this thread while it hashes", async () => {
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    const hashes = Array.from({ length: 8 }, () => hasher.hash("correct horse"));
    await Promise.all(hashes);
    clearInterval(counting);
    expect(turns).toBeGreaterThan(hashes.length);
  });

  it("fails all that wait when it is disposed, and all that come later", async () => {
    const disposed = new PasswordHasher({ random: systemRandom });
    const waiting = Promise.allSettled([disposed.hash("correct horse"), disposed.hash("correct horse")]);
    await disposed[Symbol.asyncDispose]();
    await disposed[Symbol.asyncDispose]();
    for (const outcome of await waiting) {
      expect(outcome).toMatchObject({ reason: { code: "identity/hasher-failed" } });
    }
    await expect(disposed.hash("correct horse")).rejects.toMatchObject({ code: "identity/hasher-failed" });
  });

  it("works for a program that may only read its own files, and lets the process end", async () => {
    expect(
      await runProgram(
        `const hash = await hasher.hash("correct horse");
        console.log(await hasher.verify("correct horse", hash), await hasher.verify("wrong horse", hash));`,
        { flags: ["--allow-read=lib"] },
      ),
    ).toEqual({ success: true, printed: "true false\n" });
  });

  it("says what is missing for a program that may not even do that", async () => {
    expect(
      await runProgram(
        `await hasher.hash("correct horse").catch((error) => console.log(error.code, "-", error.hint));`,
        { flags: [] },
      ),
    ).toEqual({
      success: true,
      printed: "identity/hasher-failed - the program must be allowed to read its own files\n",
    });
  });
});

/** Runs `body`, which has a `hasher`, in a process with the permissions of `flags`. */
async function runProgram(
  body: string,
  options: { flags: string[] },
): Promise<{ success: boolean; printed: string }> {
  const root = new URL("../../", import.meta.url);
  const program = `
    import { PasswordHasher } from ${JSON.stringify(new URL("lib/identity/password.ts", root))};
    await using hasher = new PasswordHasher({ random: { bytes: (length) => new Uint8Array(length) } });
    ${body}`;
  const args = ["run", "--no-prompt", ...options.flags, "-"];
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root.pathname,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { success, stdout } = await child.output();
  return { success, printed: new TextDecoder().decode(stdout) };
}

describe("randomPassword()", () => {
  it("has five groups of four unambiguous letters and digits", () => {
    expect(randomPassword(systemRandom)).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){4}[0-9a-hjkmnp-tv-z]{4}$/);
  });

  it("draws every one of the 32 symbols, and a different one for each of 32 bytes", () => {
    const symbols = Array.from({ length: 32 }, (_, byte) => randomPassword(constantRandom(byte))[0]);
    expect(new Set(symbols).size).toBe(32);
  });

  it("is never the same twice", () => {
    expect(randomPassword(systemRandom)).not.toBe(randomPassword(systemRandom));
  });
});
