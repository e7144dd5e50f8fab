import { ServerCertificates } from "../pki/server_certificates.ts";
import { type Command, EXIT } from "./command.ts";
import { CONFIG_OPTION, loadAndComplain } from "./gateway_files.ts";
import { countText } from "./count_text.ts";

/** `sallyport check` */
export const checkCommand: Command = {
  name: "check",
  summary: "Check the configuration without starting",
  options: [CONFIG_OPTION],
  positionals: [],
  async run(args, io) {
    const { config, testsRun } = await loadAndComplain(args, io);
    if (config === null) return EXIT.failure;
    if (config.certificates.length > 0) new ServerCertificates(config.certificates);
    const found = [
      countText(config.routes.length, "route"),
      ...(testsRun === 0 ? [] : [`${countText(testsRun, "policy test")} passed`]),
      "nothing that keeps the gateway from starting",
    ];
    io.stdout(`${config.file}: ${found.join(", ")}\n`);
    return EXIT.ok;
  },
};
