import { describe, expect, it } from "vitest";
import { hasPeer } from "./_support/peers.ts";
import { run } from "./_support/programs.ts";

const UNITS = new URL("../scripts/systemd/", import.meta.url).pathname;

describe.skipIf(!hasPeer("systemd-analyze"))("the units for systemd", () => {
  it.each([["sallyport.service", []], ["sallyport-publish.service", ["--user"]]])(
    "%s is one",
    async (name, options) => {
      const folder = await Deno.makeTempDir();
      // Programs are looked for; what Deno is called differs between machines.
      const unit = (await Deno.readTextFile(`${UNITS}${name}`)).replace(
        "/usr/local/bin/deno",
        Deno.execPath(),
      );
      await Deno.writeTextFile(`${folder}/${name}`, unit);
      const env = { XDG_RUNTIME_DIR: folder };
      expect(await run(["systemd-analyze", ["verify", ...options, `${folder}/${name}`]], { env }))
        .toMatchObject({
          code: 0,
          stderr: "",
        });
      await Deno.remove(folder, { recursive: true });
    },
  );

  it("keeps the gateway from nearly all that it need not do", async () => {
    const { code, stderr } = await run([
      "systemd-analyze",
      ["security", "--offline=true", "--threshold=20", `${UNITS}sallyport.service`],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});
