// One video element under shaka: loading, states, errors. Nothing here knows a button.

import shaka from "shaka-player/dist/shaka-player.dash-es2021.js";
import { word } from "../words";

export type State = "loading" | "ready" | "playing" | "paused" | "ended" | "error";

export class Player {
  readonly section: HTMLElement;
  readonly video: HTMLVideoElement;
  readonly audioOnly: boolean;
  readonly live: boolean;
  /** The loaded manifest, and the newest one the page knows. */
  mpd = "";
  newest = "";
  /** Undefined when this browser cannot play at all. */
  shaka: shaka.Player | undefined;
  private readonly known: number;
  private level = 1;
  /** What the sound is turned down by, so that all videos are equally loud: 0 to 1. */
  private gain = 1;
  private failedAt = 0;

  constructor(section: HTMLElement, video: HTMLVideoElement) {
    this.section = section;
    this.video = video;
    this.live = section.dataset["live"] === "true";
    this.audioOnly = section.dataset["audio"] === "true";
    this.known = Number(section.dataset["duration"]) || 0;
    shaka.polyfill.installAll();
    this.follow();
  }

  /** Loads a manifest and stands at `at` seconds. What is being made plays from its beginning, not from its end. */
  async load(mpd: string, at: number): Promise<void> {
    this.state = "loading";
    this.mpd = mpd;
    if (this.newest === "") this.newest = mpd;
    const trouble = this.find("trouble");
    if (trouble) trouble.hidden = true;
    try {
      if (!this.shaka) {
        if (!shaka.Player.isBrowserSupported()) throw new Unsupported();
        this.shaka = new shaka.Player();
        this.shaka.addEventListener("error", (event) => this.fail((event as unknown as { detail: unknown }).detail));
        this.shaka.addEventListener("buffering", (event) => {
          const { buffering } = event as unknown as { buffering: boolean };
          this.section.toggleAttribute("data-buffering", buffering);
        });
        this.shaka.configure({
          // A picture may be there in several codecs, one of them in some sizes only.
          streaming: { rebufferingGoal: 1, bufferingGoal: 30, bufferBehind: 60, dontChooseCodecs: true },
          abr: { clearBufferSwitch: false },
        });
        await this.shaka.attach(this.video);
      }
      await this.shaka.load(mpd, at);
      // Poster and "ready" stay until somebody plays.
      if (this.state === "loading") this.state = this.video.paused ? "ready" : "playing";
      this.section.dispatchEvent(new CustomEvent("loaded"));
    } catch (error) {
      this.fail(error);
    }
  }

  /** Loads the newest manifest at the same position, and goes on playing if it played. */
  async reload(): Promise<void> {
    const played = this.state === "playing" || this.state === "error";
    const at = this.state === "error" ? this.failedAt : this.video.currentTime;
    const rate = this.video.playbackRate;
    await this.load(this.newest || this.mpd, at);
    this.video.playbackRate = rate;
    if (played && at > 0) this.play();
  }

  get state(): State {
    return (this.section.dataset["state"] ?? "loading") as State;
  }

  private set state(next: State) {
    if (this.section.dataset["state"] === next) return;
    this.section.dataset["state"] = next;
    this.section.dispatchEvent(new CustomEvent("state"));
  }

  /** The whole length, also while only a part of it is there. */
  get duration(): number {
    const measured = this.video.duration;
    if (!this.live && Number.isFinite(measured) && measured > 0) return measured;
    return this.known || this.available;
  }

  /** How much of it can be played by now. */
  get available(): number {
    const end = this.shaka?.seekRange().end ?? 0;
    // The edge of what grows goes on with the clock; it is never behind the end.
    return Number.isFinite(end) && end < 1e9 ? Math.min(end, this.known || end) : 0;
  }

  /** As the viewer sets it, 0 to 1. */
  get volume(): number {
    return this.level;
  }

  set volume(level: number) {
    this.level = level;
    this.video.volume = level * this.gain;
  }

  even(gain: number): void {
    this.gain = Math.min(1, gain);
    this.volume = this.level;
  }

  play(): void {
    // Refused when nobody has touched the page yet; the button is still there.
    this.video.play().catch(() => undefined);
  }

  toggle(): void {
    if (this.video.paused || this.video.ended) this.play();
    else this.video.pause();
  }

  seek(to: number): void {
    const end = this.available || this.duration;
    this.video.currentTime = Math.min(Math.max(0, to), Math.max(0, end - 0.05));
  }

  find<T extends HTMLElement>(id: string): T | null {
    return this.section.querySelector<T>(`#${id}`);
  }

  private follow(): void {
    const { video } = this;
    const to = (state: State) => () => {
      if (this.state !== "loading" && this.state !== "error") this.state = state;
    };
    video.addEventListener("playing", to("playing"));
    video.addEventListener("pause", () => (video.ended ? undefined : to("paused")()));
    video.addEventListener("ended", to("ended"));
    video.addEventListener("seeked", () => (this.state === "ended" && !video.ended ? to("paused")() : undefined));
    video.addEventListener("timeupdate", () => {
      if (video.currentTime > 0) this.failedAt = video.currentTime;
    });
  }

  private fail(error: unknown): void {
    // A load that was replaced by the next one is no failure.
    if (error instanceof shaka.util.Error && error.code === shaka.util.Error.Code.LOAD_INTERRUPTED) return;
    if (error instanceof shaka.util.Error && error.severity === shaka.util.Error.Severity.RECOVERABLE) return;
    const [what, advice] = describe(error);
    this.video.pause();
    this.state = "error";
    const set = (id: string, text: string) => {
      const place = this.find(id);
      if (place) place.textContent = text;
    };
    set("trouble-what", what);
    set("trouble-do", advice);
    const trouble = this.find("trouble");
    if (trouble) trouble.hidden = false;
  }
}

class Unsupported extends Error {}

/** What happened, and what to do. */
function describe(error: unknown): [string, string] {
  if (error instanceof Unsupported) {
    return [word("noStreams"), word("noStreamsDo")];
  }
  if (!(error instanceof shaka.util.Error)) {
    return [word("stopped"), word("ourFault")];
  }
  const code = `(${error.code})`;
  const category = shaka.util.Error.Category;
  switch (error.category) {
    case category.NETWORK:
      return [word("noVideo"), word("noVideoDo", { code })];
    case category.MANIFEST:
      return [word("noList"), word("noListDo", { code })];
    case category.MEDIA:
      return [word("noDecode"), word("noDecodeDo", { code })];
    default:
      return [word("stopped"), word("tryAgain", { code })];
  }
}
