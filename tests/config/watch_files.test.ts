import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DirectoryWatcher,
  type FileWatch,
  watchFiles,
  type WatchOptions,
} from "../../lib/config/watch_files.ts";
import { ManualClock } from "../_support/manual_clock.ts";

const NEVER_MS = 3_600_000;

let folder: string;

beforeEach(async () => {
  folder = await Deno.makeTempDir({ prefix: "sallyport-watch-" });
  await Deno.writeTextFile(`${folder}/a`, "1");
});
afterEach(() => Deno.remove(folder, { recursive: true }));

/** A watch, and a way to wait for what it tells. */
interface Watched extends Disposable {
  readonly watch: FileWatch;
  /** Settles once `onChange` was called after the last time this settled. */
  changed(): Promise<void>;
  calls(): number;
}

function watching(files: readonly string[], options: Omit<WatchOptions, "onChange"> = {}): Watched {
  let [calls, told] = [0, 0];
  let next = Promise.withResolvers<void>();
  const onChange = () => {
    calls++;
    next.resolve();
    next = Promise.withResolvers();
  };
  const watch = watchFiles(files, { onChange, debounceMs: 5, pollMs: NEVER_MS, ...options });
  return {
    watch,
    async changed() {
      while (calls === told) await next.promise;
      told = calls;
    },
    calls: () => calls,
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** What a Kubernetes volume does: a new directory, and the link to it replaced by a rename. */
async function publish(version: string, text: string): Promise<void> {
  await Deno.mkdir(`${folder}/${version}`);
  await Deno.writeTextFile(`${folder}/${version}/routes.yaml`, text);
  await Deno.symlink(version, `${folder}/..data_tmp`);
  await Deno.rename(`${folder}/..data_tmp`, `${folder}/..data`);
}

/** What happens to files, and which of them are watched while it does. */
const changes: [string, () => string, () => Promise<void>][] = [
  ["a file that is written in place", () => `${folder}/a`, () => Deno.writeTextFile(`${folder}/a`, "2")],
  ["a file that is renamed over", () => `${folder}/a`, async () => {
    await Deno.writeTextFile(`${folder}/a.tmp`, "2");
    await Deno.rename(`${folder}/a.tmp`, `${folder}/a`);
  }],
  ["a file that vanishes", () => `${folder}/a`, () => Deno.remove(`${folder}/a`)],
  ["a file that appears", () => `${folder}/new`, () => Deno.writeTextFile(`${folder}/new`, "1")],
  ["a link that leads to another file", () => `${folder}/link`, async () => {
    await Deno.writeTextFile(`${folder}/b`, "1");
    await Deno.symlink("b", `${folder}/link.tmp`);
    await Deno.rename(`${folder}/link.tmp`, `${folder}/link`);
  }],
  ["a file behind a link to another directory", () => `${folder}/link`, async () => {
    await Deno.writeTextFile(`${folder}/elsewhere/a`, "2");
  }],
  ["a Kubernetes volume that is published anew", () => `${folder}/routes.yaml`, () => publish("v2", "2")],
];

async function prepareLinks(): Promise<void> {
  await Deno.mkdir(`${folder}/elsewhere`);
  await Deno.writeTextFile(`${folder}/elsewhere/a`, "1");
  await Deno.symlink("elsewhere/a", `${folder}/link`);
  await publish("v1", "1");
  await Deno.symlink("..data/routes.yaml", `${folder}/routes.yaml`);
}

const noEvents = () => {
  throw new Deno.errors.NotSupported("no space left for another watch");
};

describe("watchFiles() tells of", () => {
  beforeEach(prepareLinks);

  it.each(changes)("%s, by events", async (_, file, change) => {
    using watched = watching([file()]);
    await change();
    await watched.changed();
  });

  it.each(changes)("%s, by polls where there are no events", async (_, file, change) => {
    using watched = watching([file()], { watchFs: noEvents, pollMs: 5 });
    await change();
    await watched.changed();
  });

  it("a file that vanishes and comes back, twice", async () => {
    using watched = watching([`${folder}/a`]);
    for (const text of ["2", "3"]) {
      await Deno.remove(`${folder}/a`);
      await watched.changed();
      await Deno.writeTextFile(`${folder}/a`, text);
      await watched.changed();
    }
  });

  it("one change after another in what a volume publishes", async () => {
    using watched = watching([`${folder}/routes.yaml`]);
    for (const version of ["v2", "v3", "v4"]) {
      await publish(version, version);
      await watched.changed();
    }
    await Deno.writeTextFile(`${folder}/v4/routes.yaml`, "in place");
    await watched.changed();
  });

  it("a write that leaves size and times as they were", async () => {
    const { mtime, atime } = await Deno.stat(`${folder}/a`);
    using watched = watching([`${folder}/a`]);
    await Deno.writeTextFile(`${folder}/a`, "2");
    await Deno.utime(`${folder}/a`, atime!, mtime!);
    await watched.changed();
  });

  it("a file in a directory that is not there yet, and is made twice", async () => {
    using watched = watching([`${folder}/later/file`], { pollMs: 5 });
    for (let round = 0; round < 2; round++) {
      await Deno.mkdir(`${folder}/later`);
      await Deno.writeTextFile(`${folder}/later/file`, "1");
      await watched.changed();
      await Deno.remove(`${folder}/later`, { recursive: true });
      await watched.changed();
    }
  });

  it("changes by events again, once there can be some", async () => {
    let failures = 2;
    const clock = new ManualClock();
    const events = scriptedEvents();
    using watched = watching([`${folder}/a`], {
      clock,
      pollMs: 1000,
      watchFs: () => failures-- > 0 ? noEvents() : events,
    });
    clock.advance(2000);
    expect(failures).toBe(-1);
    await events.emit({ kind: "modify", paths: [`${folder}/a`] });
    clock.advance(5);
    expect(watched.calls()).toBe(1);
  });

  it("events in a directory that takes the place of another of the same name", async () => {
    await Deno.mkdir(`${folder}/directory`);
    await Deno.mkdir(`${folder}/next`);
    const clock = new ManualClock();
    const opened: string[][] = [];
    const watchFs = (directories: string[]) => {
      opened.push(directories);
      return scriptedEvents();
    };
    using watched = watching([`${folder}/directory/file`], { clock, pollMs: 1000, watchFs });
    await Deno.rename(`${folder}/directory`, `${folder}/before`);
    await Deno.rename(`${folder}/next`, `${folder}/directory`);
    clock.advance(1000);
    expect(opened).toEqual([[`${folder}/directory`], [`${folder}/directory`]]);
    expect(watched.calls()).toBe(0);
  });

  it("changes of files that it was told of later, and no longer of others", async () => {
    await Deno.mkdir(`${folder}/other`);
    using watched = watching([`${folder}/a`]);
    watched.watch.update([`${folder}/other/b`]);
    await Deno.writeTextFile(`${folder}/a`, "2");
    await Deno.writeTextFile(`${folder}/other/b`, "1");
    await watched.changed();
    expect(watched.calls()).toBe(1);
  });

  it("a change that came just before it was told of the same files again", async () => {
    const clock = new ManualClock();
    using watched = watching([`${folder}/a`], { clock, watchFs: noEvents });
    await Deno.remove(`${folder}/a`);
    watched.watch.update([`${folder}/a`, `${folder}/b`]);
    clock.advance(5);
    expect(watched.calls()).toBe(1);
  });
});

/** Events as a test says them. `emit` settles once they were taken. */
function scriptedEvents(): DirectoryWatcher & {
  emit(event: { kind: string; paths: string[] }): Promise<void>;
} {
  const events = new TransformStream<Deno.FsEvent, Deno.FsEvent>();
  const writer = events.writable.getWriter();
  return {
    async emit(event) {
      await writer.write(event as Deno.FsEvent);
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
    close: () => void writer.close(),
    [Symbol.asyncIterator]: () => events.readable[Symbol.asyncIterator](),
  };
}

describe("watchFiles() tells once", () => {
  it("of a burst, after it has been quiet", async () => {
    const clock = new ManualClock();
    const events = scriptedEvents();
    using watched = watching([`${folder}/a`], { clock, debounceMs: 100, watchFs: () => events });
    for (let count = 0; count < 5; count++) {
      await events.emit({ kind: "modify", paths: [`${folder}/a`] });
      clock.advance(99);
    }
    expect(watched.calls()).toBe(0);
    clock.advance(1);
    expect(watched.calls()).toBe(1);
    clock.advance(NEVER_MS / 2);
    expect(watched.calls()).toBe(1);
  });

  it("of a burst that does not end, after ten times as long", async () => {
    const clock = new ManualClock();
    const events = scriptedEvents();
    using watched = watching([`${folder}/a`], { clock, debounceMs: 100, watchFs: () => events });
    for (let count = 0; count < 20; count++) {
      await events.emit({ kind: "modify", paths: [`${folder}/a`] });
      clock.advance(50);
    }
    expect(watched.calls()).toBe(1);
  });
});

describe("watchFiles() tells nothing", () => {
  it.each([
    ["of reading", { kind: "access", name: "a" }],
    ["of other files in the directory", { kind: "modify", name: "other.log" }],
  ])("%s", async (_, { kind, name }) => {
    const clock = new ManualClock();
    const events = scriptedEvents();
    using watched = watching([`${folder}/a`], { clock, watchFs: () => events });
    await events.emit({ kind, paths: [`${folder}/${name}`] });
    clock.advance(1000);
    expect(watched.calls()).toBe(0);
  });

  it("when polls find nothing new", () => {
    const clock = new ManualClock();
    using watched = watching([`${folder}/a`], { clock, pollMs: 1000, watchFs: noEvents });
    clock.advance(10_000);
    expect(watched.calls()).toBe(0);
  });

  it.each(["dispose", "abort"])("and holds nothing after %s", async (how) => {
    const clock = new ManualClock();
    const controller = new AbortController();
    let [opened, closed] = [0, 0];
    const events = scriptedEvents();
    const watchFs = () => {
      opened++;
      return { ...events, close: () => void closed++ };
    };
    const watched = watching([`${folder}/a`], { clock, watchFs, signal: controller.signal });
    await events.emit({ kind: "modify", paths: [`${folder}/a`] });
    if (how === "dispose") watched[Symbol.dispose]();
    else controller.abort();
    expect(closed).toBe(1);
    expect(clock.pending).toBe(0);
    watched.watch.update([`${folder}/a`, `${folder}/elsewhere/x`]);
    expect([clock.pending, opened]).toEqual([0, 1]);
    watched[Symbol.dispose]();
    expect(watched.calls()).toBe(0);
  });

  it("when its signal was aborted before", () => {
    const clock = new ManualClock();
    using watched = watching([`${folder}/a`], { clock, signal: AbortSignal.abort() });
    expect(clock.pending).toBe(0);
    expect(watched.calls()).toBe(0);
  });
});
