// The buttons under the picture.

import type { Player } from "./player";
import { clock } from "./time";
import { word } from "../words";

/** A quiet pointer hides the controls in full screen after this time. */
const IDLE_MS = 2_500;

export function startControls(player: Player): void {
  const { section, video } = player;
  const bar = player.find("ctl");
  if (bar) bar.hidden = false;

  player.find("play")?.addEventListener("click", () => player.toggle());
  player.find("start")?.addEventListener("click", () => player.play());
  player.find("retry")?.addEventListener("click", () => void player.reload());
  player.find("mute")?.addEventListener("click", () => mute(player));
  player.find("pip")?.addEventListener("click", () => void pictureInPicture(player));
  player.find("theatre")?.addEventListener("click", () => theatre(player));
  player.find("full")?.addEventListener("click", () => void fullScreen(player));
  video.addEventListener("click", () => player.toggle());
  video.addEventListener("dblclick", () => void fullScreen(player));

  const volume = player.find<HTMLInputElement>("volume");
  volume?.addEventListener("input", () => {
    player.volume = Number(volume.value) / 100;
    video.muted = player.volume === 0;
  });

  const pip = player.find("pip");
  if (pip && !document.pictureInPictureEnabled) pip.hidden = true;
  try {
    if (localStorage.getItem("theatre") === "1") theatre(player);
  } catch {
    // Storage may be switched off.
  }

  section.addEventListener("state", () => showState(player));
  video.addEventListener("volumechange", () => showVolume(player));
  for (const name of ["timeupdate", "durationchange", "seeking"]) video.addEventListener(name, () => showTime(player));
  section.addEventListener("loaded", () => showTime(player));
  document.addEventListener("fullscreenchange", () => showFull(player));
  hideWhenQuiet(player);
  showState(player);
}

export function mute(player: Player): void {
  const { video } = player;
  if (video.muted && player.volume === 0) player.volume = 0.5;
  video.muted = !video.muted;
}

export async function pictureInPicture(player: Player): Promise<void> {
  if (player.audioOnly || !document.pictureInPictureEnabled) return;
  try {
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    else await player.video.requestPictureInPicture();
  } catch {
    // Refused before the first picture is there.
  }
}

export function theatre(player: Player): void {
  const on = document.querySelector("#watch")?.classList.toggle("theatre") ?? false;
  player.find("theatre")?.setAttribute("aria-pressed", String(on));
  try {
    localStorage.setItem("theatre", on ? "1" : "0");
  } catch {
    // Storage may be switched off.
  }
}

export async function fullScreen(player: Player): Promise<void> {
  // Phones of one maker know full screen for the video element only.
  const video = player.video as HTMLVideoElement & { webkitEnterFullscreen?: () => void };
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await player.section.requestFullscreen();
    else video.webkitEnterFullscreen?.();
  } catch {
    // Refused by the browser: nothing changed.
  }
}

function showState(player: Player): void {
  const playing = player.state === "playing";
  name(player.find("play"), word(playing ? "pause" : "play"));
  icon(player, "play-use", playing ? "pause" : player.state === "ended" ? "retry" : "play");
  const start = player.find("start");
  if (start) start.hidden = player.state !== "ready";
  if (player.state === "paused" || player.state === "ended") player.section.removeAttribute("data-quiet");
}

function showVolume(player: Player): void {
  const { video } = player;
  const silent = video.muted || player.volume === 0;
  name(player.find("mute"), word(silent ? "unmute" : "mute"));
  icon(player, "mute-use", silent ? "mute" : "vol");
  const volume = player.find<HTMLInputElement>("volume");
  if (volume) volume.value = String(silent ? 0 : Math.round(player.volume * 100));
}

function showTime(player: Player): void {
  const set = (id: string, text: string) => {
    const place = player.find(id);
    if (place && place.textContent !== text) place.textContent = text;
  };
  set("now", clock(player.video.currentTime));
  set("all", clock(player.duration));
  if (!player.live) return;
  const there = player.available;
  set("part", there > 0 && there < player.duration - 1 ? word("areHere", { time: clock(there) }) : "");
}

function showFull(player: Player): void {
  const on = document.fullscreenElement === player.section;
  name(player.find("full"), word(on ? "leaveFull" : "full"));
}

function hideWhenQuiet(player: Player): void {
  const { section } = player;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stir = () => {
    section.removeAttribute("data-quiet");
    clearTimeout(timer);
    timer = setTimeout(() => {
      const busy = section.querySelector("details[open], .ctl :focus-visible") !== null;
      if (player.state === "playing" && !busy) section.setAttribute("data-quiet", "");
    }, IDLE_MS);
  };
  for (const event of ["pointermove", "pointerdown", "keydown", "focusin", "state"]) section.addEventListener(event, stir);
}

function name(button: HTMLElement | null, text: string): void {
  button?.setAttribute("aria-label", text);
  button?.setAttribute("title", text);
}

function icon(player: Player, id: string, symbol: string): void {
  const use = player.section.querySelector(`#${id}`);
  const file = use?.getAttribute("href")?.split("#")[0];
  if (use && file !== undefined) use.setAttribute("href", `${file}#${symbol}`);
}
