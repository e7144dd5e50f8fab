import type { Clock } from "../../base/clock.ts";
import type { SshLogin, Terminal, TunnelModel, TunnelScreens } from "../handlers.ts";
import type { Grid, Size } from "./grid.ts";
import type { InputEvent } from "./input_parser.ts";
import { paintScreen } from "./_paint_screen.ts";
import { FIRST_STATE, type ScreenFrame, type ScreenState } from "./_screen_state.ts";
import { type Page, type PageRequest, showPage } from "./show_page.ts";
import { showMessages } from "./_show_messages.ts";
import { terminalFeatures } from "./terminal_features.ts";
import { updateScreen } from "./_update_screen.ts";

/** Durations are shown in whole seconds. */
const SECOND_MS = 1000;

/** The terminal page of connections that publish. */
export class TunnelScreen implements TunnelScreens {
  readonly #clock: Clock;

  /** Pages that go by a clock. @param clock for durations, and for the pace of frames */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** See {@link TunnelScreens}. */
  async open(
    terminal: Terminal,
    { model, login, signal }: { model: TunnelModel; login: SshLogin; signal?: AbortSignal },
  ): Promise<"quit" | "sign-out"> {
    const clock = this.#clock;
    if (!terminalFeatures(terminal).isAddressable) {
      await showMessages(terminal, { model, signal });
      return "quit";
    }
    const page = new TunnelPage({ model, login, clock });
    await showPage(terminal, { page, clock, onChange: (listener) => model.onChange(listener), signal });
    return page.outcome ?? "quit";
  }
}

/** The page itself: the model, and where the user is in it. */
export class TunnelPage implements Page {
  readonly #content: { readonly model: TunnelModel; readonly login: SshLogin; readonly clock: Clock };
  #state: ScreenState = FIRST_STATE;
  #frame: ScreenFrame | null = null;

  /** Shows the model to whoever has signed in. */
  constructor(content: { readonly model: TunnelModel; readonly login: SshLogin; readonly clock: Clock }) {
    this.#content = content;
  }

  /** What the user wants; `null` while they stay. */
  get outcome(): "quit" | "sign-out" | null {
    return this.#state.outcome;
  }

  get isOver(): boolean {
    return this.outcome !== null;
  }

  paint(size: Size): Grid {
    const { model, login, clock } = this.#content;
    const { notice } = this.#state;
    if (notice !== null && notice.until <= clock.monotonic()) this.#state = { ...this.#state, notice: null };
    this.#frame = paintScreen(size, { state: this.#state, content: { model, login, now: clock.now() } });
    return this.#frame.grid;
  }

  handle(event: InputEvent): PageRequest | undefined {
    if (this.#frame === null) return;
    const { login, clock } = this.#content;
    const context = { frame: this.#frame, login, atMs: clock.monotonic() };
    const { state, request } = updateScreen(this.#state, event, context);
    this.#state = state;
    return request;
  }

  changesInMs(): number | null {
    const { model, clock } = this.#content;
    const { notice } = this.#state;
    const second = model.connections.some(({ isOpen }) => isOpen)
      ? SECOND_MS - clock.now() % SECOND_MS
      : Infinity;
    const next = Math.min(second, notice === null ? Infinity : notice.until - clock.monotonic());
    return next === Infinity ? null : Math.max(1, next);
  }
}
