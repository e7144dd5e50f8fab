import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { jsonLog, type Log, silentLog } from "../../lib/observe/log.ts";
import {
  memoryTokenCache,
  openTokenCache,
  type TokenCache,
  tokenCacheDirectory,
} from "../../lib/client/token_cache.ts";
import { testToken } from "./_scripted_gateway.ts";

const NOW = 1_700_000_000_000;
const gateway = { tls: true, host: "gw.example.com", port: 443 };
const token = testToken();

let root: string;
let directory: string;
let warnings: string[];
let log: Log;

beforeEach(async () => {
  root = await Deno.makeTempDir();
  directory = `${root}/cache/sallyport`;
  warnings = [];
  log = jsonLog({ level: "warn", sink: (line) => warnings.push(line), now: () => 0 });
});

afterEach(() => Deno.remove(root, { recursive: true }));

async function onlyFile(): Promise<string> {
  const names = [];
  for await (const { name } of Deno.readDir(directory)) names.push(name);
  expect(names).toHaveLength(1);
  return `${directory}/${names[0]}`;
}

const caches: [string, () => Promise<TokenCache> | TokenCache][] = [
  ["memory", memoryTokenCache],
  ["files", () => openTokenCache(directory, silentLog)],
];

describe.each(caches)("a token cache of %s", (_, open) => {
  it("gives back what was saved, until it is removed", async () => {
    const cache = await open();
    expect(await cache.load(gateway, NOW)).toBeNull();
    await cache.save(gateway, token);
    expect(await cache.load(gateway, NOW)).toBe(token);
    expect(await cache.remove(gateway)).toBe(true);
    expect(await cache.load(gateway, NOW)).toBeNull();
    expect(await cache.remove(gateway)).toBe(false);
  });

  it("keeps the last token", async () => {
    const cache = await open();
    await cache.save(gateway, token);
    const second = testToken({ sub: "second" });
    await cache.save(gateway, second);
    expect(await cache.load(gateway, NOW)).toBe(second);
  });

  it.each([
    ["port", { ...gateway, port: 8443 }],
    ["host", { ...gateway, host: "gw2.example.com" }],
    ["protection", { ...gateway, tls: false }],
  ])("keeps gateways of another %s apart", async (_, other) => {
    const cache = await open();
    await cache.save(gateway, token);
    expect(await cache.load(other, NOW)).toBeNull();
  });

  it("does not give out an expired token", async () => {
    const cache = await open();
    const short = testToken({ exp: NOW / 1000 + 60 });
    await cache.save(gateway, short);
    expect(await cache.load(gateway, NOW + 59_000)).toBe(short);
    expect(await cache.load(gateway, NOW + 60_000)).toBeNull();
  });
});

describe("openTokenCache()", () => {
  it("lets nobody but the owner at the tokens", async () => {
    const cache = await openTokenCache(directory, log);
    await cache.save(gateway, token);
    expect((await Deno.stat(directory)).mode! & 0o777).toBe(0o700);
    const file = await onlyFile();
    expect((await Deno.stat(file)).mode! & 0o777).toBe(0o600);
    expect(await Deno.readTextFile(file)).toBe(token);
    expect(file).not.toContain("example");
  });

  it.each([0o640, 0o604, 0o620])("ignores a file of mode %o, with a warning", async (mode) => {
    const cache = await openTokenCache(directory, log);
    await cache.save(gateway, token);
    await Deno.chmod(await onlyFile(), mode);
    expect(await cache.load(gateway, NOW)).toBeNull();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toContain(token);
  });

  it.each([
    ["holds no token", "not a token"],
    ["is empty", ""],
    ["is too long", "a".repeat(20_000)],
  ])("ignores a file that %s", async (_, content) => {
    const cache = await openTokenCache(directory, log);
    await cache.save(gateway, token);
    await Deno.writeTextFile(await onlyFile(), content);
    expect(await cache.load(gateway, NOW)).toBeNull();
  });

  it("keeps tokens in memory, with a warning, when the directory cannot be made", async () => {
    await Deno.mkdir(`${root}/cache`, { recursive: true });
    await Deno.writeTextFile(directory, "in the way");
    const cache = await openTokenCache(directory, log);
    expect(warnings).toHaveLength(1);
    await cache.save(gateway, token);
    expect(await cache.load(gateway, NOW)).toBe(token);
  });

  it("keeps tokens in memory when there is no home directory", async () => {
    const cache = await openTokenCache(null, log);
    await Deno.mkdir(directory, { recursive: true });
    expect(warnings).toHaveLength(1);
    await cache.save(gateway, token);
    expect(await cache.load(gateway, NOW)).toBe(token);
  });
});

describe("tokenCacheDirectory()", () => {
  it.each([
    ["linux", { HOME: "/home/a" }, "/home/a/.cache/sallyport"],
    ["linux", { HOME: "/home/a", XDG_CACHE_HOME: "/cache" }, "/cache/sallyport"],
    ["linux", { HOME: "/home/a", XDG_CACHE_HOME: "" }, "/home/a/.cache/sallyport"],
    ["linux", {}, null],
    ["darwin", { HOME: "/Users/a", XDG_CACHE_HOME: "/cache" }, "/Users/a/Library/Caches/sallyport"],
    ["darwin", {}, null],
    ["windows", { LOCALAPPDATA: "C:/Local" }, "C:/Local/sallyport"],
    ["windows", { HOME: "/home/a" }, null],
  ])("on %s with %o is %s", (os, env: Record<string, string>, expected) => {
    expect(tokenCacheDirectory((name) => env[name], os)).toBe(expected);
  });
});
