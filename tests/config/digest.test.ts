import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../lib/config/load_config.ts";
import { load, oneRoute } from "./_load.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const secret = `${"A".repeat(43)}=`;

describe("LoadedConfig.digest", () => {
  it("is the SHA-256 of a file that names no others", async () => {
    const text = oneRoute({});
    const { config, digest } = await load(text);
    expect(digest).toBe(sha256(text));
    expect(config!.digest).toBe(digest);
  });

  it("changes with what a file that is named holds", async () => {
    const digestOf = async (held: string) => (await load("shared_secret_file: s", { s: held })).digest;
    const first = await digestOf(secret);
    expect(await digestOf(`${secret}\n`)).not.toBe(first);
    expect(await digestOf(secret)).toBe(first);
  });

  it("tells one text in one file from the same text in two", async () => {
    const split = await load("shared_secret_file: s\nx: 1", { s: "ab" });
    const other = await load("shared_secret_file: s\nx: ", { s: "1ab" });
    expect(split.digest).not.toBe(other.digest);
  });

  it("tells a configuration that is not there from an empty one", async () => {
    const missing = await loadConfig({ file: "a", readTextFile: () => Promise.reject(new Error("gone")) });
    expect(missing.digest).not.toBe((await load("")).digest);
  });

  it("does not tell what the environment says", async () => {
    const { digest } = await loadConfig({
      file: "a",
      readTextFile: () => Promise.resolve(""),
      env: (name) => name === "COOKIE_EXPIRE" ? "1h" : undefined,
    });
    expect(digest).toBe(sha256(""));
  });
});

describe("LoadedConfig.files", () => {
  const pem = "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----";

  it("names the configuration and what it names, as they were opened, each once", async () => {
    const { files } = await loadConfig({
      file: "/etc/sallyport/routes.yaml",
      readTextFile: (path) =>
        Promise.resolve(
          path.endsWith("yaml") ? "certificates: [{cert: a.pem, key: a.pem}, {cert: /b, key: tls/c}]" : pem,
        ),
    });
    expect(files).toEqual([
      "/etc/sallyport/routes.yaml",
      "/etc/sallyport/a.pem",
      "/b",
      "/etc/sallyport/tls/c",
    ]);
  });

  it.each([
    ["a file that vanishes while it is loaded", "shared_secret_file: gone", ["routes.yaml", "gone"]],
    ["a route that is wrong", "shared_secret_file: gone\nroutes: [5]", ["routes.yaml", "gone"]],
    ["a file that is no YAML", "shared_secret_file: gone\nroutes: [", ["routes.yaml"]],
  ])("names them in spite of %s", async (_, text, files) => {
    const loaded = await load(text);
    expect(loaded.config).toBeNull();
    expect(loaded.files).toEqual(files);
  });

  it("names a configuration that is not there", async () => {
    const { files } = await loadConfig({ file: "a", readTextFile: () => Promise.reject(new Error("gone")) });
    expect(files).toEqual(["a"]);
  });
});
