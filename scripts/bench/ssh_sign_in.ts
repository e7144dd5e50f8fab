import { SshUser } from "../../tests/_support/ssh.ts";
import { PASSWORD, type TestGateway } from "../../tests/_support/test_gateway.ts";
import type { Scene } from "./bench.ts";
import type { Gateway } from "./gateway.ts";

const NAME = "bench";

/** Signs in with the key of a user, which the gateway then remembers, so that later connections need no browser. */
export async function signInWithKey(
  { workspace }: Scene,
  { gateway, sshPort, user }: { gateway: Gateway; sshPort: number; user: SshUser },
): Promise<void> {
  await addUser(gateway.files);
  const { caPem } = workspace;
  const options = { name: NAME, remember: true };
  const { code, stderr } = await new SshUser(user.folder, sshPort).signIn({ caPem } as TestGateway, options);
  if (code !== 0) throw new Error(`The sign-in of the benchmark failed: ${stderr}`);
}

async function addUser(files: readonly string[]): Promise<void> {
  const main = new URL("../../mod.ts", import.meta.url).pathname;
  const facts = ["--email", `${NAME}@example.com`, "--password-stdin"];
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main, "users", "add", NAME, ...facts, ...files],
    stdin: "piped",
    stdout: "null",
    stderr: "inherit",
    signal: AbortSignal.timeout(20_000),
  }).spawn();
  await new Blob([`${PASSWORD}\n`]).stream().pipeTo(process.stdin);
  if (!(await process.status).success) throw new Error("The user of the benchmark was not added");
}
