import { SshReader } from "../../codec/ssh_wire.ts";
import type { PtyRequest } from "../handlers.ts";

/** Opcodes of terminal modes from here on have no value that can be skipped (RFC 4254 section 8). */
const FIRST_UNDEFINED_OPCODE = 160;
const MAX_TERM_LENGTH = 64;

/** Names of terminal modes, in runs that begin with the opcode of the first (RFC 4254 section 8). */
const MODES: readonly (readonly [opcode: number, names: string])[] = [
  [
    1,
    "VINTR VQUIT VERASE VKILL VEOF VEOL VEOL2 VSTART VSTOP VSUSP VDSUSP VREPRINT VWERASE VLNEXT VFLUSH VSWTCH",
  ],
  [17, "VSTATUS VDISCARD"],
  [30, "IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL"],
  [50, "ISIG ICANON XCASE ECHO ECHOE ECHOK ECHONL NOFLSH TOSTOP IEXTEN ECHOCTL ECHOKE PENDIN"],
  [70, "OPOST OLCUC ONLCR OCRNL ONOCR ONLRET"],
  [90, "CS7 CS8 PARENB PARODD"],
  [128, "TTY_OP_ISPEED TTY_OP_OSPEED"],
];
const NAMES: ReadonlyMap<number, string> = new Map(
  MODES.flatMap(([opcode, names]) => names.split(" ").map((name, i) => [opcode + i, name] as const)),
);

/** Reads `pty-req` behind `want_reply` (RFC 4254 section 6.2). @throws {CodecError} */
export function readPty(reader: SshReader): PtyRequest {
  const term = reader.text().slice(0, MAX_TERM_LENGTH);
  const size = readSize(reader);
  return { term, ...size, modes: readModes(new SshReader(reader.bytes())) };
}

/** Reads the size that `pty-req` and `window-change` (section 6.7) have in common. @throws {CodecError} */
export function readSize(reader: SshReader): Pick<PtyRequest, "columns" | "rows" | "width" | "height"> {
  const [columns, rows, width, height] = [reader.uint32(), reader.uint32(), reader.uint32(), reader.uint32()];
  return { columns, rows, width, height };
}

function readModes(reader: SshReader): Record<string, number> {
  const modes: Record<string, number> = {};
  while (!reader.isAtEnd) {
    const opcode = reader.byte();
    if (opcode === 0 || opcode >= FIRST_UNDEFINED_OPCODE) break;
    const value = reader.uint32();
    const name = NAMES.get(opcode);
    if (name !== undefined) modes[name] = value;
  }
  return modes;
}
