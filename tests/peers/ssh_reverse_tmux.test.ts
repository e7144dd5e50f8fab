import { expect, it } from "vitest";
import { requirePeer } from "../_support/peers.ts";
import { SshUser } from "../_support/ssh.ts";
import { startTestGateway } from "../_support/test_gateway.ts";

const hasPeers = requirePeer("ssh") && requirePeer("tmux");

it.skipIf(!hasPeers)(
  "-R is cancelled from the escape console by the port that the terminal page shows",
  async () => {
    await using gateway = await startTestGateway(`
ssh_address: 127.0.0.1:0
routes:
  - from: https://app.example.com
    to: http://127.0.0.1:1
    allow_any_authenticated_user: true
    upstream_tunnel: { ssh_policy: [{ allow: { and: [{ email: { is: ada@example.com } }] } }] }
`);
    await gateway.addUser("ada", { email: "ada@example.com" });
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada" });
    await using resources = new AsyncDisposableStack();
    const tmux = async (...args: string[]) => {
      const command = new Deno.Command("tmux", { args: ["-S", `${user.folder}/tmux`, ...args] });
      return new TextDecoder().decode((await command.output()).stdout);
    };
    const screenWith = async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = pattern.exec(await tmux("capture-pane", "-p"));
        if (found !== null) return found;
      }
    };
    const ssh = [
      "ssh",
      "-tt",
      ...user.options(),
      "-o",
      "EnableEscapeCommandline=yes",
      "-R",
      "0",
      "ada@127.0.0.1",
    ];
    await tmux("new-session", "-d", "-x", "120", "-y", "40", ssh.join(" "));
    resources.defer(async () => void await tmux("kill-server"));
    const [, port] = await screenWith(/\(all\)\s+D (\d{5})\s+1\s+ACTIVE/);
    await tmux("send-keys", "-l", "~C");
    await screenWith(/ssh>/);
    await tmux("send-keys", "-l", "--", `-KR ${port}`);
    await tmux("send-keys", "Enter");
    const { reason } = await gateway.line("tunnel ended");
    expect(reason).toBe("completed");
    await screenWith(/is not published any more/);
  },
  60_000,
);
