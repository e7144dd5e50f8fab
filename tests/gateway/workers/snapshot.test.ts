import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../lib/config/load_config.ts";
import { loadWithSnapshot, type Snapshot, snapshotSource } from "../../../lib/gateway/workers/snapshot.ts";

/** What comes out of a pipe. */
const sent = (snapshot: Snapshot): Snapshot => JSON.parse(JSON.stringify(snapshot));

function source(files: Readonly<Record<string, string>>, variables: Readonly<Record<string, string>> = {}) {
  const asked: string[] = [];
  return {
    asked,
    file: "folder/routes.yaml",
    readTextFile: (path: string) => {
      asked.push(path);
      const text = files[path];
      return text === undefined ? Promise.reject(new Deno.errors.NotFound(path)) : Promise.resolve(text);
    },
    env: (name: string) => variables[name],
  };
}

describe("a snapshot", () => {
  const routes =
    "routes: [{ from: 'tcp+https://a:1', to: 'tcp://b:1', allow_any_authenticated_user: true }]\n";

  it("is read again to the same configuration, with its files and the environment as they were", async () => {
    const secret = "A".repeat(43) + "=";
    const files = { "folder/routes.yaml": `shared_secret_file: secret\n${routes}`, "folder/secret": secret };
    const first = await loadWithSnapshot(source(files, { COOKIE_NAME: "sally", PATH: "/bin" }));
    const again = await loadConfig(snapshotSource(sent(first.snapshot)));
    const { digest, sharedSecret, cookie, routes: [route] } = first.config!;
    expect(again.config).toMatchObject({ digest, sharedSecret, cookie, routes: [{ id: route!.id }] });
    expect(cookie.name).toBe("sally");
    expect(first.snapshot.variables).toEqual({ COOKIE_NAME: "sally" });
  });

  it("has the same complaints of a file that could not be read, and of one with an odd name", async () => {
    const files = {
      "folder/routes.yaml": `shared_secret_file: missing\nsigning_key_file: __proto__\n${routes}`,
    };
    const first = await loadWithSnapshot(source(files));
    const again = await loadConfig(snapshotSource(sent(first.snapshot)));
    expect(again.config).toBeNull();
    expect(again.complaints).toEqual(first.complaints);
  });
});
