import {
  BLOCK_BYTES,
  BLOCKS,
  CONSTANTS,
  DOUBLE_ROUNDS,
  doubleRound,
  LANES,
  ONE_BLOCK,
  xorStream,
} from "./_chacha20.ts";
import { Poly1305, TAG_BYTES } from "./_poly1305.ts";
import {
  all,
  choose,
  type Code,
  during,
  i32,
  i32x4,
  type Local,
  Locals,
  repeat,
  TYPE,
  type WasmFunction,
  wasmModule,
  when,
} from "./_wasm.ts";

/** Where things stand in the memory of the module. */
export const PLACE = {
  /** The key of packets, then that of their lengths: 32 bytes each. */
  keys: 0,
  /** 16 bytes: the end of what is authenticated, filled up. */
  end: 64,
  /** What comes in: {@link HEAD_BYTES}, the body of a packet, its tag. */
  input: 1024,
  /** What goes out, laid out in the same way. */
  output: 1024 + 64 * 1024,
} as const;

/** The first block of the stream hides nothing: it is the key of the tag. In its place stands, at its end, the length. */
export const HEAD_BYTES = BLOCK_BYTES;
/** Where the length stands, behind {@link PLACE.input} or `output`. */
export const LENGTH_AT = HEAD_BYTES - 4;
/** The largest body: with its tag, and what is behind it up to the end of four blocks, it has room. */
export const MAX_BODY_BYTES = 60_000;

const STEP_BYTES = LANES * BLOCK_BYTES;
/**
 * What was encrypted before is authenticated between the rounds of what is being encrypted, in so many of them: the processor
 * has arithmetic for vectors and for numbers, and each waits for itself most of the time. So the tag costs next to nothing.
 */
const BUSY_ROUNDS = 8;
const TAGGED_IN_HALF_A_ROUND = STEP_BYTES / TAG_BYTES / BUSY_ROUNDS / 2;
/** In the first step there is one block less. */
const FIRST_BUSY_ROUNDS = BUSY_ROUNDS - BLOCK_BYTES / TAG_BYTES / (2 * TAGGED_IN_HALF_A_ROUND);

/** The module for packets of chacha20-poly1305@openssh.com (PROTOCOL.chacha20poly1305). */
export function packetCode(): Uint8Array<ArrayBuffer> {
  return wasmModule([lengthMask(), new PacketFunction().build()], { pages: 3 });
}

/** `lengthMask(sequence)`: the first word of the stream of the second key, which hides the length. */
function lengthMask(): WasmFunction {
  const locals = new Locals();
  const sequence = locals.add(TYPE.i32);
  const left = locals.add(TYPE.i32);
  const state = locals.many(TYPE.i32, 16);
  const initial = [
    ...CONSTANTS.map(i32.value),
    ...Array.from({ length: 8 }, (_, i) => i32.load(i32.value(PLACE.keys + 32), i * 4)),
    ...[0, 0, 0].map(i32.value),
    sequence.get,
  ];
  const body = all(
    ...state.map((word, i) => word.set(initial[i]!)),
    left.set(i32.value(DOUBLE_ROUNDS)),
    repeat(all(doubleRound(state, ONE_BLOCK), countDown(left)), left.get),
    i32.add(state[0]!.get, initial[0]!),
  );
  return { name: "lengthMask", params: [TYPE.i32], result: TYPE.i32, locals: locals.types, body };
}

/**
 * `process(encrypted, bytes, sequence, length)`: encrypts or decrypts the body in `input` to `output`; `encrypted` is the one of
 * these that holds what is encrypted, where the length and the tag are put. Returns 0 when the right tag stood there.
 */
class PacketFunction {
  readonly #locals = new Locals();
  readonly #encrypted = this.#locals.add(TYPE.i32);
  readonly #bytes = this.#locals.add(TYPE.i32);
  readonly #sequence = this.#locals.add(TYPE.i32);
  readonly #length = this.#locals.add(TYPE.i32);
  readonly #input = this.#locals.add(TYPE.i32);
  readonly #output = this.#locals.add(TYPE.i32);
  /** What is done, in bytes of the stream. */
  readonly #done = this.#locals.add(TYPE.i32);
  /** Where what is not authenticated yet begins. */
  readonly #tagged = this.#locals.add(TYPE.i32);
  /** Rounds of this step that are left, and in how many of them something is authenticated. */
  readonly #left = this.#locals.add(TYPE.i32);
  readonly #busy = this.#locals.add(TYPE.i32);
  readonly #poly1305 = new Poly1305(this.#locals);
  readonly #key = this.#locals.many(TYPE.v128, 8);
  readonly #nonce = this.#locals.add(TYPE.v128);
  readonly #counter = this.#locals.add(TYPE.v128);
  readonly #state = this.#locals.many(TYPE.v128, 16);
  readonly #keyOfTag = i32.value(PLACE.output);
  readonly #lengthAt = i32.add(this.#encrypted.get, i32.value(LENGTH_AT));

  build(): WasmFunction {
    const { i32: word } = TYPE;
    const isMore = i32.isLess(this.#done.get, i32.add(this.#bytes.get, i32.value(HEAD_BYTES)));
    const body = all(this.#begin(), repeat(this.#step(), isMore), this.#end());
    const params = [word, word, word, word];
    return { name: "process", params, result: word, locals: this.#locals.types, body };
  }

  #begin(): Code {
    return all(
      ...this.#key.map((word, i) => word.set(i32x4.splat(i32.load(i32.value(PLACE.keys), i * 4)))),
      this.#nonce.set(i32x4.splat(this.#sequence.get)),
      this.#counter.set(i32x4.values(0, 1, 2, 3)),
      this.#input.set(i32.value(PLACE.input)),
      this.#output.set(i32.value(PLACE.output)),
      this.#tagged.set(this.#lengthAt),
    );
  }

  #step(): Code {
    const none = i32x4.values(0, 0, 0, 0);
    const initial = [
      ...CONSTANTS.map((word) => i32x4.values(word, word, word, word)),
      ...this.#key.map(({ get }) => get),
      this.#counter.get,
      none,
      none,
      this.#nonce.get,
    ];
    const [state, input, output] = [this.#state, this.#input, this.#output];
    const isFirst = i32.isZero(this.#done.get);
    return all(
      ...initial.map((value, i) => state[i]!.set(value)),
      this.#rounds(),
      xorStream(state, { initial, input, output }),
      this.#counter.set(i32x4.add(this.#counter.get, i32x4.splat(i32.value(LANES)))),
      ...[input, output].map((at) => at.set(i32.add(at.get, i32.value(STEP_BYTES)))),
      when(
        isFirst,
        all(i32.store(this.#lengthAt, 0, this.#length.get), this.#poly1305.begin(this.#keyOfTag)),
      ),
      this.#busy.set(choose(isFirst, i32.value(FIRST_BUSY_ROUNDS), i32.value(BUSY_ROUNDS))),
      this.#done.set(i32.add(this.#done.get, i32.value(STEP_BYTES))),
    );
  }

  #rounds(): Code {
    const [left, state] = [this.#left, this.#state];
    const isBusy = i32.isLess(i32.subtract(i32.value(DOUBLE_ROUNDS), left.get), this.#busy.get);
    const busyRound = doubleRound(state, BLOCKS, this.#take(TAGGED_IN_HALF_A_ROUND));
    return all(
      left.set(i32.value(DOUBLE_ROUNDS)),
      during(isBusy, all(busyRound, countDown(left))),
      during(left.get, all(doubleRound(state, BLOCKS), countDown(left))),
    );
  }

  /** Authenticates what is left, and compares the tag. */
  #end(): Code {
    const tagged = this.#tagged;
    const bytes = i32.add(this.#bytes.get, i32.value(HEAD_BYTES - LENGTH_AT));
    const rest = i32.subtract(i32.add(this.#lengthAt, bytes), tagged.get);
    return all(
      this.#poly1305.takeRest(tagged, { bytes: rest, room: i32.value(PLACE.end) }),
      this.#poly1305.end(this.#keyOfTag, { at: tagged.get, difference: this.#left }),
      this.#left.get,
    );
  }

  #take(count: number): Code {
    const tagged = this.#tagged;
    return all(
      ...Array.from({ length: count }, (_, i) => this.#poly1305.take(tagged.get, i * TAG_BYTES)),
      tagged.set(i32.add(tagged.get, i32.value(count * TAG_BYTES))),
    );
  }
}

function countDown(left: Local): Code {
  return left.set(i32.subtract(left.get, i32.value(1)));
}
