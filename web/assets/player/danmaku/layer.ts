// Draws comments over the picture: those of Niconico as Niconico does, all others as they are described.

import Flying from "danmaku";
import type NiconiComments from "@xpadev-net/niconicomments";

import { type Comment, type Danmaku, type Settings, drawn } from "./comments";

/** Seconds that a comment takes from one side to the other. */
const CROSSING_S = 6;
/** Height of a usual comment, as a part of the picture's. */
const LINE = 1 / 18;
const SIZES = { small: 0.7, medium: 1, big: 1.4 } as const;

interface Drawer {
  resize(): void;
  destroy(): void;
}

export class Layer {
  private drawer: Drawer | undefined;
  private wanted = 0;

  constructor(
    private readonly place: HTMLElement,
    private readonly video: HTMLVideoElement,
    private readonly danmaku: Danmaku,
    private readonly niconico: string,
  ) {
    new ResizeObserver(() => this.drawer?.resize()).observe(place);
  }

  /** Draws anew, as it is set now. */
  async apply(settings: Settings): Promise<void> {
    const turn = ++this.wanted;
    this.drawer?.destroy();
    this.drawer = undefined;
    this.place.hidden = !settings.show;
    if (!settings.show) return;
    this.place.style.opacity = String(settings.opacity / 100);
    const comments = drawn(this.danmaku.comments, settings);
    if (this.danmaku.form === "plain") {
      this.drawer = flying(this.place, this.video, comments, settings);
      return;
    }
    const { default: Renderer } = (await import(this.niconico)) as { default: typeof NiconiComments };
    // Somebody may have set something else meanwhile.
    if (turn === this.wanted) this.drawer = likeNiconico(Renderer, this.place, this.video, comments, settings);
  }
}

function flying(place: HTMLElement, video: HTMLVideoElement, comments: Comment[], settings: Settings): Drawer {
  const box = document.createElement("div");
  box.style.height = `${settings.area}%`;
  place.append(box);
  const modes = { scroll: "rtl", top: "top", bottom: "bottom" } as const;
  const line = () => Math.max(12, place.clientHeight * LINE * (settings.size / 100));
  const build = () =>
    new Flying({
      container: box,
      media: video,
      speed: place.clientWidth / CROSSING_S,
      comments: comments.map((comment) => ({
        text: comment.text,
        mode: modes[comment.place],
        time: comment.t_ms / 1000,
        style: { color: comment.colour, fontSize: `${Math.round(line() * SIZES[comment.size])}px` },
      })),
    });
  let engine = build();
  let height = place.clientHeight;
  return {
    resize() {
      if (place.clientHeight === height && place.clientHeight > 0) return engine.resize();
      height = place.clientHeight;
      engine.destroy();
      engine = build();
    },
    destroy() {
      engine.destroy();
      box.remove();
    },
  };
}

function likeNiconico(
  Renderer: typeof NiconiComments,
  place: HTMLElement,
  video: HTMLVideoElement,
  comments: Comment[],
  settings: Settings,
): Drawer {
  const canvas = document.createElement("canvas");
  // Niconico's own measure; it is stretched to the picture's.
  canvas.width = 1920;
  canvas.height = 1080;
  canvas.style.clipPath = `inset(0 0 ${100 - settings.area}% 0)`;
  place.append(canvas);
  const people = new Map<string, number>();
  const number = (user: string) => people.get(user) ?? (people.set(user, people.size + 1), people.size);
  const data = comments.map((comment, at) => ({
    id: at,
    vpos: Math.floor(comment.t_ms / 10),
    content: comment.text,
    date: 0,
    date_usec: at,
    owner: false,
    premium: true,
    mail: comment.commands ?? [],
    user_id: number(comment.user),
    layer: -1,
    is_my_post: false,
  }));
  const renderer = new Renderer(canvas, data, { format: "formatted", scale: settings.size / 100, keepCA: true });
  let frame = 0;
  const draw = () => renderer.drawCanvas(Math.floor(video.currentTime * 100));
  const follow = () => {
    draw();
    frame = video.paused || video.ended ? 0 : requestAnimationFrame(follow);
  };
  const stir = () => {
    if (frame === 0) frame = requestAnimationFrame(follow);
  };
  const events = ["playing", "seeked", "loadeddata"] as const;
  for (const event of events) video.addEventListener(event, stir);
  stir();
  return {
    resize: () => undefined,
    destroy() {
      for (const event of events) video.removeEventListener(event, stir);
      cancelAnimationFrame(frame);
      renderer.destroy();
      canvas.remove();
    },
  };
}
