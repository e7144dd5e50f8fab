import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemRandom } from "../../lib/base/random.ts";
import { LocalUsers, type NewUser } from "../../lib/identity/local_users.ts";
import { PasswordHasher } from "../../lib/identity/password.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { FakeClock, NOW } from "./_fakes.ts";

const hasher = new PasswordHasher({ random: systemRandom });
let store: Store;
let users: LocalUsers;
beforeAll(async () => {
  store = await openSqliteStore({ path: ":memory:" });
  users = new LocalUsers({ store, hasher, random: systemRandom, clock: new FakeClock() });
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await hasher[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const user of await users.list()) await users.remove(user.name);
});

const ADA: NewUser = { name: "ada", password: "correct horse" };

describe("LocalUsers.add()", () => {
  it("fills in what is not said", async () => {
    const added = await users.add({ name: "Ada.L_1-x", password: "correct horse" });
    expect(added).toEqual({
      id: expect.stringMatching(/^[\w-]{22}$/),
      name: "ada.l_1-x",
      email: "ada.l_1-x@localhost",
      displayName: "",
      groups: [],
      createdAt: NOW,
    });
    expect(await users.list()).toEqual([added]);
  });

  it("keeps what is said, each group once", async () => {
    const email = "ada@example.com";
    await users.add({ ...ADA, email, displayName: "Ada Lovelace", groups: ["ops", "dev team", "ops"] });
    expect((await users.list())[0]).toMatchObject({
      email,
      displayName: "Ada Lovelace",
      groups: ["ops", "dev team"],
    });
  });

  it("refuses a name that is taken, in whatever case", async () => {
    await users.add(ADA);
    await expect(users.add({ ...ADA, name: "ADA" })).rejects.toMatchObject({ code: "store/user-exists" });
  });

  it.each<[string, Partial<NewUser>, string]>([
    ["an empty name", { name: "" }, "identity/bad-name"],
    ["a name of 65 characters", { name: "x".repeat(65) }, "identity/bad-name"],
    ["a name with a space", { name: "ada l" }, "identity/bad-name"],
    ["a name with a line end", { name: "ada\n" }, "identity/bad-name"],
    ["a name with a letter that looks like another", { name: "\u0430da" }, "identity/bad-name"],
    ["an e-mail address without @", { email: "ada" }, "identity/bad-email"],
    ["an e-mail address with two @", { email: "a@b@c" }, "identity/bad-email"],
    ["an e-mail address with a line end", { email: "ada@x\r\nBcc: y" }, "identity/bad-email"],
    ["an e-mail address of 255 characters", { email: "a@" + "b".repeat(253) }, "identity/bad-email"],
    ["a display name of 129 characters", { displayName: "x".repeat(129) }, "identity/bad-display-name"],
    ["a display name that turns the text around", { displayName: "\u202eada" }, "identity/bad-display-name"],
    ["65 groups", { groups: Array.from({ length: 65 }, (_, i) => `g${i}`) }, "identity/bad-groups"],
    ["an empty group", { groups: [""] }, "identity/bad-groups"],
    ["a group of 129 characters", { groups: ["x".repeat(129)] }, "identity/bad-groups"],
    ["a group with a control character", { groups: ["a\u0000b"] }, "identity/bad-groups"],
    ["a short password", { password: "1234567" }, "identity/bad-password"],
  ])("refuses %s", async (_, overrides, code) => {
    await expect(users.add({ ...ADA, ...overrides })).rejects.toMatchObject({ code });
    expect(await users.list()).toEqual([]);
  });
});

describe("LocalUsers.authenticate()", () => {
  beforeEach(() => users.add(ADA));

  it.each(["ada", "ADA"])("knows %s by the right password", async (name) => {
    expect(await users.authenticate(name, "correct horse")).toMatchObject({ name: "ada" });
  });

  it.each([
    ["a wrong password", "ada", "wrong horse"],
    ["an empty password", "ada", ""],
    ["an unknown user", "eve", "correct horse"],
    ["no name", "", "correct horse"],
    ["a name nobody can have", "' OR 1=1 --", "correct horse"],
  ])("answers null for %s", async (_, name, password) => {
    expect(await users.authenticate(name, password)).toBeNull();
  });

  it.each(["", "x", "correct horse"])(
    "answers null for a person of a provider, with the password %j",
    async (password) => {
      const name = "oidc/ann";
      await store.saveProviderUser({
        id: name,
        name,
        email: "ann@example.com",
        displayName: "",
        groups: [],
        passwordHash: "",
        createdAt: 1,
      });
      expect(await users.authenticate(name, password)).toBeNull();
      await expect(users.setPassword(name, "battery staple")).rejects.toMatchObject({
        code: "identity/no-such-user",
      });
      await users.remove(name);
    },
  );

  it("gives an unknown user away by no shortcut: both are hashed", async () => {
    await using none = new PasswordHasher({ random: systemRandom, maxWaiting: 0 });
    const full = new LocalUsers({ store, hasher: none, random: systemRandom, clock: new FakeClock() });
    for (const name of ["ada", "eve", "' OR 1=1 --"]) {
      await expect(full.authenticate(name, "x")).rejects.toMatchObject({ code: "identity/busy" });
    }
  });
});

describe("LocalUsers.setPassword()", () => {
  it("makes the new password the only one and ends the sessions", async () => {
    const { id } = await users.add(ADA);
    const session = { id: "s", userId: id, providerId: "local", claims: {}, createdAt: 1, expiresAt: 9 };
    await store.addSession(session);
    await users.setPassword("Ada", "battery staple");
    expect(await users.authenticate("ada", "correct horse")).toBeNull();
    expect(await users.authenticate("ada", "battery staple")).toMatchObject({ id });
    expect(await store.liveSession("s", 5)).toBeNull();
  });

  it("refuses a short password and keeps the old one", async () => {
    await users.add(ADA);
    await expect(users.setPassword("ada", "short")).rejects.toMatchObject({ code: "identity/bad-password" });
    expect(await users.authenticate("ada", "correct horse")).not.toBeNull();
  });

  it("refuses an unknown user", async () => {
    await expect(users.setPassword("eve", "battery staple")).rejects.toMatchObject({
      code: "identity/no-such-user",
    });
  });
});

describe("LocalUsers", () => {
  it("list() shows no password hash", async () => {
    await users.add(ADA);
    expect(JSON.stringify(await users.list())).not.toContain("argon2");
  });

  it("remove() removes once", async () => {
    await users.add(ADA);
    await users.remove("ADA");
    expect(await users.authenticate("ada", "correct horse")).toBeNull();
    await expect(users.remove("ada")).rejects.toMatchObject({ code: "identity/no-such-user" });
  });

  it("never gives the id of a removed user to another", async () => {
    const { id } = await users.add(ADA);
    await users.remove("ada");
    expect((await users.add(ADA)).id).not.toBe(id);
  });
});
