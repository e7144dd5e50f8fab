import manifest from "../../deno.json" with { type: "json" };
import { type Command, EXIT } from "./command.ts";

/** The version of this program, as in deno.json. */
export const VERSION: string = manifest.version;

/** How this program calls itself toward gateways. */
export const USER_AGENT: string = `sallyport/${VERSION}`;

/** `sallyport version` */
export const versionCommand: Command = {
  name: "version",
  summary: "Print the version",
  options: [],
  positionals: [],
  run(_args, io) {
    io.stdout(`sallyport ${VERSION}\n`);
    return Promise.resolve(EXIT.ok);
  },
};
