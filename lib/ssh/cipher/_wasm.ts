/** Instructions of WebAssembly in their binary form, which leave at most one value. */
export type Code = readonly number[];

/** Types of values. */
export const TYPE = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;

/** One of {@link TYPE}. */
export type Type = (typeof TYPE)[keyof typeof TYPE];

/** A variable of a function. */
export interface Local {
  /** Its value. */
  readonly get: Code;
  /** Gives it another one. */
  set(value: Code): Code;
}

/** A function that the module gives out, or not. */
export interface WasmFunction {
  /** The name it is given out under. */
  readonly name: string;
  /** Types of its parameters: its first variables. */
  readonly params: readonly Type[];
  /** Type of what it returns; `null`: nothing. */
  readonly result: Type | null;
  /** Types of all its variables, those of the parameters included. */
  readonly locals: readonly Type[];
  /** What it does. */
  readonly body: Code;
}

/** Variables of one function, parameters first. */
export class Locals {
  readonly #types: Type[] = [];

  /** Types, in their order. */
  get types(): readonly Type[] {
    return this.#types;
  }

  /** One more. */
  add(type: Type): Local {
    const index = unsigned(this.#types.push(type) - 1);
    return { get: [0x20, ...index], set: (value) => [...value, 0x21, ...index] };
  }

  /** Several more. */
  many(type: Type, count: number): Local[] {
    return Array.from({ length: count }, () => this.add(type));
  }
}

/** Several instructions, one after the other. */
export function all(...codes: readonly Code[]): Code {
  return codes.flat();
}

/** Operations on 32 bits. */
export const i32 = {
  value: (value: number): Code => [0x41, ...signed(value)],
  add: binary(0x6a),
  subtract: binary(0x6b),
  and: binary(0x71),
  or: binary(0x72),
  xor: binary(0x73),
  rotateLeft: binary(0x77),
  shiftRight: binary(0x76),
  isLess: binary(0x49),
  isZero: (value: Code): Code => [...value, 0x45],
  load: (at: Code, offset: number): Code => [...at, 0x28, 0, ...unsigned(offset)],
  store: (at: Code, offset: number, value: Code): Code => [...at, ...value, 0x36, 0, ...unsigned(offset)],
  store8: (at: Code, offset: number, value: Code): Code => [...at, ...value, 0x3a, 0, ...unsigned(offset)],
  low: (value: Code): Code => [...value, 0xa7],
};

/** Operations on 64 bits. */
export const i64 = {
  value: (value: number): Code => [0x42, ...signed(value)],
  add: binary(0x7c),
  multiply: binary(0x7e),
  and: binary(0x83),
  shiftRight: binary(0x88),
  load32: (at: Code, offset: number): Code => [...at, 0x35, 0, ...unsigned(offset)],
};

/** Operations on four times 32 bits. */
export const i32x4 = {
  values: (...values: readonly [number, number, number, number]): Code => v128(0x0c, littleEndian(values)),
  splat: (value: Code): Code => [...value, ...v128(0x11)],
  add: (a: Code, b: Code): Code => [...a, ...b, ...v128(0xae)],
  or: (a: Code, b: Code): Code => [...a, ...b, ...v128(0x50)],
  xor: (a: Code, b: Code): Code => [...a, ...b, ...v128(0x51)],
  shiftLeft: (value: Code, bits: number): Code => [...value, ...i32.value(bits), ...v128(0xab)],
  shiftRight: (value: Code, bits: number): Code => [...value, ...i32.value(bits), ...v128(0xad)],
  /** Bytes of one value, at the places that `order` says. */
  bytes: (value: Code, order: readonly number[]): Code => [...value, ...v128(0x0c, order), ...v128(0x0e)],
  /** Words of two values: 0 to 3 are those of the first, 4 to 7 those of the second. */
  words: (a: Code, b: Code, order: readonly number[]): Code => [
    ...a,
    ...b,
    ...v128(0x0d, order.flatMap((word) => [0, 1, 2, 3].map((byte) => word * 4 + byte))),
  ],
  load: (at: Code, offset: number): Code => [...at, ...v128(0x00, [0, ...unsigned(offset)])],
  store: (at: Code, offset: number, value: Code): Code => [
    ...at,
    ...value,
    ...v128(0x0b, [0, ...unsigned(offset)]),
  ],
};

/** Does something, and does it again while the condition holds after it. */
export function repeat(body: Code, condition: Code): Code {
  return [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b];
}

/** Does something when the condition holds. */
export function when(condition: Code, body: Code): Code {
  return [...condition, 0x04, 0x40, ...body, 0x0b];
}

/** Does something as long as the condition holds before it. */
export function during(condition: Code, body: Code): Code {
  return when(condition, repeat(body, condition));
}

/** One value, or the other when the condition does not hold. */
export function choose(condition: Code, value: Code, other: Code): Code {
  return [...value, ...other, ...condition, 0x1b];
}

/** Copies bytes of the memory. */
export function copyBytes(to: Code, from: Code, count: Code): Code {
  return [...to, ...from, ...count, 0xfc, 0x0a, 0, 0];
}

/** A module with a memory, given out as `memory`, and functions. @param pages of 64 KiB */
export function wasmModule(
  functions: readonly WasmFunction[],
  { pages }: { pages: number },
): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ params, result }) => [
    0x60,
    ...list(params.map((type) => [type])),
    ...list(result === null ? [] : [[result]]),
  ]);
  const exported = functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)]);
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(3, list(functions.map((_, index) => unsigned(index)))),
    ...section(5, list([[1, ...unsigned(pages), ...unsigned(pages)]])),
    ...section(7, list([[...text("memory"), 2, 0], ...exported])),
    ...section(10, list(functions.map(bodyOf))),
  ]);
}

function bodyOf({ params, locals, body }: WasmFunction): Code {
  const own = list(locals.slice(params.length).map((type) => [1, type]));
  return sized([...own, ...body, 0x0b]);
}

function binary(operation: number): (a: Code, b: Code) => Code {
  return (a, b) => [...a, ...b, operation];
}

function v128(operation: number, more: Code = []): Code {
  return [0xfd, ...unsigned(operation), ...more];
}

function section(id: number, content: Code): Code {
  return [id, ...sized(content)];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(content: Code): Code {
  return [...unsigned(content.length), ...content];
}

function text(value: string): Code {
  return sized([...new TextEncoder().encode(value)]);
}

function littleEndian(words: readonly number[]): Code {
  return [...new Uint8Array(Uint32Array.from(words).buffer)];
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [value % 128 | 128, ...unsigned(Math.floor(value / 128))];
}

function signed(value: number): Code {
  const low = ((value % 128) + 128) % 128;
  const rest = Math.floor(value / 128);
  const isLast = (rest === 0 && low < 64) || (rest === -1 && low >= 64);
  return isLast ? [low] : [low | 128, ...signed(rest)];
}
