// The player's keys. Letters do nothing while typing and can be switched off in the menu.

import { isTyping } from "../page";
import { fullScreen, mute, pictureInPicture, theatre } from "./controls";
import { nextSubtitles, setSpeed } from "./menus";
import type { Player } from "./player";
import { turnChapter } from "./preview";

const FRAME_S = 1 / 25;

export function startKeys(player: Player): void {
  const letters = player.find<HTMLInputElement>("letters");
  try {
    if (letters) letters.checked = localStorage.getItem("letters") !== "0";
  } catch {
    // Storage may be switched off.
  }
  letters?.addEventListener("change", () => {
    try {
      localStorage.setItem("letters", letters.checked ? "1" : "0");
    } catch {
      // Storage may be switched off.
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
    const inside = event.target instanceof Node && player.section.contains(event.target);
    const pressed = event.target instanceof Element && event.target.closest("a, button, summary") !== null;
    const action = event.key.length === 1 && event.key !== " " ? (letters?.checked ?? true ? letter(player, event.key) : undefined) : other(player, event.key, inside, pressed);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function letter(player: Player, key: string): (() => void) | undefined {
  const { video } = player;
  if (key >= "0" && key <= "9") return () => player.seek((player.duration * Number(key)) / 10);
  const actions: Record<string, () => void> = {
    k: () => player.toggle(),
    j: () => player.seek(video.currentTime - 10),
    l: () => player.seek(video.currentTime + 10),
    ",": () => frame(player, -FRAME_S),
    ".": () => frame(player, FRAME_S),
    "<": () => setSpeed(player, video.playbackRate - 0.25),
    ">": () => setSpeed(player, video.playbackRate + 0.25),
    m: () => mute(player),
    c: () => nextSubtitles(player),
    d: () => player.section.dispatchEvent(new CustomEvent("danmaku")),
    "[": () => turnChapter(player, -1),
    "]": () => turnChapter(player, 1),
    t: () => theatre(player),
    i: () => void pictureInPicture(player),
    f: () => void fullScreen(player),
  };
  return actions[key] ?? actions[key.toLowerCase()];
}

/** Space belongs to a focused button; up and down scroll the page unless the player has the focus. */
function other(player: Player, key: string, inside: boolean, pressed: boolean): (() => void) | undefined {
  const { video } = player;
  const louder = (by: number) => () => {
    player.volume = Math.min(1, Math.max(0, player.volume + by));
    video.muted = player.volume === 0;
  };
  switch (key) {
    case " ":
      return pressed ? undefined : () => player.toggle();
    case "ArrowLeft":
      return () => player.seek(video.currentTime - 5);
    case "ArrowRight":
      return () => player.seek(video.currentTime + 5);
    case "ArrowUp":
      return inside ? louder(0.05) : undefined;
    case "ArrowDown":
      return inside ? louder(-0.05) : undefined;
    default:
      return undefined;
  }
}

function frame(player: Player, by: number): void {
  player.video.pause();
  player.seek(player.video.currentTime + by);
}
