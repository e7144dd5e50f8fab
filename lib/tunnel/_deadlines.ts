import type { Clock } from "../base/clock.ts";

/** Something that is to be called at a time. */
export interface Due {
  /** When, in milliseconds of the monotonic clock, `Infinity` for never; it changes in {@link Due.onDue} alone. */
  readonly dueAt: number;
  /** Where it waits; kept by {@link Deadlines}, at first -1. */
  place: number;
  /** Called when the time has come; it waits again for the next that `dueAt` says then. */
  onDue(): void;
}

/** Calls many things at their times, with one timer for all of them. What is due first is on top of a heap. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #heap: Due[] = [];
  #timer: { readonly at: number; readonly handle: Disposable } | null = null;
  #isCalling = false;

  /** Nothing waits. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Has it called when it is due. */
  add(due: Due): void {
    if (due.dueAt === Infinity) return;
    this.#heap.push(due);
    this.#rise(due, this.#heap.length - 1);
    this.#wait();
  }

  /** It is not called any more; does nothing when it does not wait. */
  delete(due: Due): void {
    if (due.place < 0) return;
    this.#take(due.place);
    this.#wait();
  }

  #take(place: number): void {
    const heap = this.#heap;
    heap[place]!.place = -1;
    const last = heap.pop()!;
    if (place === heap.length) return;
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  #put(due: Due, place: number): void {
    this.#heap[place] = due;
    due.place = place;
  }

  #rise(due: Due, place: number): void {
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#heap[parent]!.dueAt <= due.dueAt) break;
      this.#put(this.#heap[parent]!, place);
      place = parent;
    }
    this.#put(due, place);
  }

  #sink(due: Due, place: number): void {
    const heap = this.#heap;
    for (;;) {
      let child = 2 * place + 1;
      if (child + 1 < heap.length && heap[child + 1]!.dueAt < heap[child]!.dueAt) child++;
      if (child >= heap.length || heap[child]!.dueAt >= due.dueAt) break;
      this.#put(heap[child]!, place);
      place = child;
    }
    this.#put(due, place);
  }

  /** Has the timer go off when the first is due. */
  #wait(): void {
    const [first] = this.#heap;
    if (this.#isCalling || first?.dueAt === this.#timer?.at) return;
    this.#timer?.handle[Symbol.dispose]();
    this.#timer = first === undefined ? null : {
      at: first.dueAt,
      handle: this.#clock.timer(Math.max(0, first.dueAt - this.#clock.monotonic()), () => this.#onTimer()),
    };
  }

  #onTimer(): void {
    this.#timer = null;
    this.#isCalling = true;
    const now = this.#clock.monotonic();
    for (let first = this.#heap[0]; first !== undefined && first.dueAt <= now; first = this.#heap[0]) {
      this.#take(0);
      first.onDue();
      this.add(first);
    }
    this.#isCalling = false;
    this.#wait();
  }
}
