// The slider: where we are, what is buffered, what is there at all. Its lengths are SVG attributes.

import type { Player } from "./player";
import { chapterAt, showTip } from "./preview";
import { clock } from "./time";
import { word } from "../words";

export function startSeek(player: Player): void {
  const slider = player.section.querySelector<SVGSVGElement>("#seek");
  if (!slider) return;
  const { video } = player;
  const show = () => draw(player, slider);
  for (const event of ["timeupdate", "progress", "seeking", "durationchange"]) video.addEventListener(event, show);
  player.section.addEventListener("loaded", show);

  let dragging = false;
  slider.addEventListener("pointerdown", (event) => {
    dragging = true;
    slider.setPointerCapture(event.pointerId);
    player.seek(at(player, slider, event));
  });
  slider.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch" || dragging) {
      const box = slider.getBoundingClientRect();
      showTip(player, at(player, slider, event), event.clientX - box.left, box.width);
    }
    if (dragging) player.seek(at(player, slider, event));
  });
  const hide = () => {
    const place = player.find("tip");
    if (place) place.hidden = true;
  };
  for (const end of ["pointerup", "pointercancel"] as const) {
    slider.addEventListener(end, (event) => {
      dragging = false;
      if (event.pointerType === "touch") hide();
    });
  }
  slider.addEventListener("pointerleave", hide);
  slider.addEventListener("keydown", (event) => {
    const now = video.currentTime;
    const to: Record<string, number> = {
      ArrowLeft: now - 5,
      ArrowDown: now - 5,
      ArrowRight: now + 5,
      ArrowUp: now + 5,
      PageDown: now - player.duration / 10,
      PageUp: now + player.duration / 10,
      Home: 0,
      End: player.duration,
    };
    const target = to[event.key];
    if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    player.seek(target);
  });
}

function draw(player: Player, slider: SVGSVGElement): void {
  const { video, duration } = player;
  if (duration <= 0) return;
  const width = (seconds: number) => (Math.min(1, Math.max(0, seconds / duration)) * 1000).toFixed(1);
  slider.querySelector("#pos")?.setAttribute("width", width(video.currentTime));
  slider.querySelector("#buf")?.setAttribute("width", width(bufferedTo(video)));
  const now = String(Math.floor(video.currentTime));
  if (slider.getAttribute("aria-valuenow") === now && slider.getAttribute("aria-valuemax") === String(Math.floor(duration))) return;
  const part = player.live && player.available < duration - 1 ? `, ${word("areHere", { time: clock(player.available) })}` : "";
  slider.setAttribute("aria-valuemax", String(Math.floor(duration)));
  slider.setAttribute("aria-valuenow", now);
  const chapter = chapterAt(player, video.currentTime);
  const inside = chapter ? word("chapter", { name: chapter }) : "";
  slider.setAttribute("aria-valuetext", word("place", { now: clock(video.currentTime), all: clock(duration) }) + inside + part);
}

/** The end of the buffered piece that holds the current time. */
function bufferedTo(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= currentTime + 0.5 && currentTime <= buffered.end(i)) return buffered.end(i);
  }
  return 0;
}

function at(player: Player, slider: SVGSVGElement, event: PointerEvent): number {
  const box = slider.getBoundingClientRect();
  return (Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))) * player.duration;
}
