import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scpDirection } from "../../../lib/ssh/recording/_scp_watch.ts";
import { requirePeer } from "../../_support/peers.ts";
import { run } from "../../_support/programs.ts";
import { commandMeta, eventsOf, testRecorder } from "./_recorder.ts";

const hasScp = requirePeer("scp");
const encode = (text: string) => new TextEncoder().encode(text);
let folder: string;

beforeAll(async () => {
  folder = await Deno.makeTempDir();
});
afterAll(() => Deno.remove(folder, { recursive: true }));

async function recorded(command: string, wire: { sent?: Uint8Array; answered?: Uint8Array; chunk?: number }) {
  const { sent = new Uint8Array(), answered = new Uint8Array(), chunk = 5 } = wire;
  await using test = await testRecorder();
  const recording = await test.recorder.begin(commandMeta("exec", command));
  for (let at = 0; at < sent.length; at += chunk) recording.input(sent.subarray(at, at + chunk));
  for (let at = 0; at < answered.length; at += chunk) recording.output(answered.subarray(at, at + chunk));
  await recording.end({ code: 0 });
  return eventsOf(test.lines()).slice(0, -1);
}

describe("a session of the old protocol of scp", () => {
  it.each([
    ["scp -t /tmp", "upload"],
    ["scp -v -r -p -t -- /tmp/a b", "upload"],
    ["/usr/bin/scp -rf .", "download"],
    ["scp -f -- -t", "download"],
    ["scp a b", null],
    ["scpx -t /tmp", null],
    ["echo scp -t", null],
    ["", null],
  ])("is found in %j", (command, direction) => expect(scpDirection(command)).toBe(direction));

  it.skipIf(!hasScp).each([1, 3, 4096])(
    "of OpenSSH is told by its files, in pieces of %i bytes",
    async (chunk) => {
      await Deno.mkdir(`${folder}/tree/sub`, { recursive: true });
      await Deno.writeTextFile(`${folder}/tree/a.txt`, "a".repeat(70_001));
      await Deno.writeTextFile(`${folder}/tree/sub/empty`, "");
      await Deno.writeTextFile(`${folder}/tree/sub/two words`, "C0644 5 fake\n");
      const tee = `${folder}/ssh`;
      await Deno.writeTextFile(
        tee,
        `#!/bin/sh\nfor command; do :; done\ncase $command in\n*-t*) tee ${folder}/sent | sh -c "$command" ;;\n*) sh -c "$command" | tee ${folder}/answered ;;\nesac\n`,
      );
      await Deno.chmod(tee, 0o755);
      await Deno.mkdir(`${folder}/target`, { recursive: true });
      const copied = await run(["scp", ["-O", "-S", tee, "-rp", `${folder}/tree`, `host:${folder}/target`]]);
      expect(copied.code, copied.stderr).toBe(0);
      const upload = await recorded(`scp -r -p -t ${folder}/target`, {
        sent: await Deno.readFile(`${folder}/sent`),
        chunk,
      });
      const files = ({ event }: { event: string }) => [
        { event, path: "tree/a.txt", size: 70_001, bytes: 70_001 },
        { event, path: "tree/sub/empty", size: 0, bytes: 0 },
        { event, path: "tree/sub/two words", size: 13, bytes: 13 },
      ];
      const byPath = (a: Record<string, unknown>, b: Record<string, unknown>) =>
        String(a.path) < String(b.path) ? -1 : 1;
      expect(upload.toSorted(byPath)).toEqual(files({ event: "upload" }));
      const fetched = await run(["scp", ["-O", "-S", tee, "-rp", `host:${folder}/tree`, `${folder}/back`]]);
      expect(fetched.code, fetched.stderr).toBe(0);
      const answered = await Deno.readFile(`${folder}/answered`);
      expect((await recorded(`scp -r -p -f ${folder}/tree`, { answered, chunk })).toSorted(byPath)).toEqual(
        files({ event: "download" }),
      );
    },
  );

  it("tells how far a file came that was cut off", async () => {
    expect(await recorded("scp -t x", { sent: encode("C0600 100 secret.key\nabc") })).toEqual([
      { event: "upload", path: "secret.key", size: 100, bytes: 3 },
    ]);
  });

  it.each(["rubbish\n", `C0600 1 ${"x".repeat(9000)}\n`, "C0600 -1 x\n"])(
    "says that it cannot be read: %.20j",
    async (text) => {
      expect(await recorded("scp -t x", { sent: encode(text) })).toEqual([{
        event: "unreadable",
        from: "client",
      }]);
    },
  );
});
