import {
  all,
  type Code,
  copyBytes,
  during,
  i32,
  i32x4,
  i64,
  type Local,
  type Locals,
  TYPE,
  when,
} from "./_wasm.ts";

/** Bytes that are taken in at once, and bytes of a tag. */
export const TAG_BYTES = 16;

/**
 * Poly1305 (RFC 8439 section 2.5) with 32 bits in a limb: the bits that are clear in each limb of a key leave room for the sums
 * of products in 64 bits.
 */
export class Poly1305 {
  readonly #r: readonly Local[];
  /** Limbs of the key for products of 2^128 and more: 5/4 of them, as 2^130 is 5. */
  readonly #folded: readonly Local[];
  readonly #lowBits: Local;
  readonly #h: readonly Local[];
  readonly #sum: readonly Local[];
  readonly #carry: Local;

  /** Adds the variables of a function that it needs. */
  constructor(locals: Locals) {
    this.#r = locals.many(TYPE.i64, 4);
    this.#folded = locals.many(TYPE.i64, 4);
    this.#lowBits = locals.add(TYPE.i64);
    this.#h = locals.many(TYPE.i64, 5);
    this.#sum = locals.many(TYPE.i64, 5);
    this.#carry = locals.add(TYPE.i64);
  }

  /** Begins. @param key where its 32 bytes stand */
  begin(key: Code): Code {
    const clamped = this.#r.map((limb, i) =>
      limb.set(i64.and(i64.load32(key, i * 4), i64.value(i === 0 ? 0x0fffffff : 0x0ffffffc)))
    );
    // The two lowest bits of the first limb, which alone are not clear, count where nothing is folded.
    const folded = this.#folded.map((limb, i) => limb.set(fiveQuarters(this.#r[i]!.get)));
    return all(
      ...clamped,
      ...folded,
      this.#lowBits.set(i64.and(this.#r[0]!.get, i64.value(3))),
      ...this.#h.map((limb) => limb.set(i64.value(0))),
    );
  }

  /** Takes what is left in: from `at`, which is moved to its end. @param room 16 bytes, to fill up the last ones in */
  takeRest(at: Local, { bytes, room }: { bytes: Code; room: Code }): Code {
    const move = (count: Code) => at.set(i32.add(at.get, count));
    return all(
      during(
        i32.isLess(i32.value(TAG_BYTES - 1), bytes),
        all(this.take(at.get, 0), move(i32.value(TAG_BYTES))),
      ),
      when(
        bytes,
        all(
          i32x4.store(room, 0, i32x4.values(0, 0, 0, 0)),
          copyBytes(room, at.get, bytes),
          i32.store8(i32.add(room, bytes), 0, i32.value(1)),
          this.take(room, 0, 0),
          move(bytes),
        ),
      ),
    );
  }

  /** Takes 16 bytes in. @param top 0 for those that were filled up */
  take(at: Code, offset: number, top: 0 | 1 = 1): Code {
    const [r, folded, h, sum, carry] = [this.#r, this.#folded, this.#h, this.#sum, this.#carry];
    const factor = (limb: number) => (limb < 0 ? folded[limb + 4]! : r[limb]!).get;
    const products = r.map((_, i) =>
      sum.map(({ get }, j) => i64.multiply(get, factor(i - j))).reduce(i64.add)
    );
    return all(
      ...sum.map((limb, i) =>
        limb.set(i64.add(h[i]!.get, i < 4 ? i64.load32(at, offset + i * 4) : i64.value(top)))
      ),
      ...products.map((product, i) => h[i]!.set(product)),
      h[4]!.set(i64.add(i64.multiply(sum[4]!.get, this.#lowBits.get), high(h[3]!.get))),
      // What is 2^130 and more, and then what each limb has above its 32 bits.
      carry.set(i64.multiply(i64.shiftRight(h[4]!.get, i64.value(2)), i64.value(5))),
      ...[0, 1, 2, 3].flatMap((i) => [
        sum[i]!.set(i64.add(carry.get, low(h[i]!.get))),
        carry.set(i64.add(high(sum[i]!.get), i < 3 ? high(h[i]!.get) : i64.and(h[4]!.get, i64.value(3)))),
        h[i]!.set(low(sum[i]!.get)),
      ]),
      h[4]!.set(carry.get),
    );
  }

  /** Puts the tag in its place, in time that says nothing of it. @param difference 0 afterwards when the same stood there */
  end(key: Code, { at, difference }: { at: Code; difference: Local }): Code {
    const [h, carry] = [this.#h, this.#carry];
    const limbs = h.slice(0, 4);
    return all(
      // Whether it is 2^130 - 5 or more shows in what is above 130 bits when 5 is added.
      carry.set(i64.value(5)),
      ...limbs.map(({ get }) => carry.set(high(i64.add(carry.get, get)))),
      carry.set(i64.multiply(i64.shiftRight(i64.add(carry.get, h[4]!.get), i64.value(2)), i64.value(5))),
      difference.set(i32.value(0)),
      ...limbs.flatMap((limb, i) => [
        limb.set(i64.add(i64.add(carry.get, limb.get), i64.load32(key, TAG_BYTES + i * 4))),
        carry.set(high(limb.get)),
        difference.set(i32.or(difference.get, i32.xor(i32.load(at, i * 4), i32.low(limb.get)))),
        i32.store(at, i * 4, i32.low(limb.get)),
      ]),
    );
  }
}

function fiveQuarters(limb: Code): Code {
  return i64.multiply(i64.shiftRight(limb, i64.value(2)), i64.value(5));
}

function low(value: Code): Code {
  return i64.and(value, i64.value(0xffffffff));
}

function high(value: Code): Code {
  return i64.shiftRight(value, i64.value(32));
}
