// Subtitles, quality and speed.

import type { Player } from "./player";
import { word } from "../words";

export function startMenus(player: Player): void {
  startSubtitles(player);
  startSpeed(player);
  startSounds(player);
  startEven(player);
  if (player.audioOnly) return;
  const heights = player.find("heights");
  heights?.addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement) choose(player, Number(event.target.value));
    show();
  });
  const known = new Map<number, number>();
  const show = () => showQuality(player, known);
  player.section.addEventListener("loaded", () => {
    // A manifest that is loaded again begins with the automatic choice.
    player.section.dataset["quality"] = "0";
    known.clear();
    show();
    for (const event of ["adaptation", "variantchanged", "trackschanged"]) {
      player.shaka?.removeEventListener(event, show);
      player.shaka?.addEventListener(event, show);
    }
  });
}

/** The next subtitles, or none after the last: key `c`. */
export function nextSubtitles(player: Player): void {
  const options = Array.from(player.section.querySelectorAll<HTMLInputElement>("input[name=cc]"));
  const now = options.findIndex((option) => option.checked);
  const next = options[(now + 1) % options.length];
  if (!next) return;
  next.checked = true;
  showSubtitles(player, Number(next.value));
}

export function setSpeed(player: Player, rate: number): void {
  const bounded = Math.min(3, Math.max(0.25, rate));
  player.video.defaultPlaybackRate = bounded;
  player.video.playbackRate = bounded;
}

function startSubtitles(player: Player): void {
  const menu = player.find("cc");
  menu?.addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement) showSubtitles(player, Number(event.target.value));
  });
  // The manifest has no text of its own; ours are plain <track>s, hidden until chosen.
  player.section.addEventListener("loaded", () => {
    const chosen = player.section.querySelector<HTMLInputElement>("input[name=cc]:checked");
    showSubtitles(player, Number(chosen?.value ?? -1));
  });
}

function showSubtitles(player: Player, index: number): void {
  const tracks = player.video.querySelectorAll<HTMLTrackElement>("track[kind=subtitles]");
  tracks.forEach((element, at) => {
    element.track.mode = at === index ? "showing" : "hidden";
  });
  const label = player.find("cc-now");
  const shown = tracks[index];
  if (label) {
    label.textContent = shown?.label ?? word("off");
    label.lang = shown?.srclang ?? "";
  }
}

/** Languages and forms of the sound, where there are several. */
function startSounds(player: Player): void {
  const menu = player.find("sound");
  const place = player.find("sounds");
  if (!menu || !place) return;
  const show = () => {
    const sounds = player.shaka?.getAudioTracks() ?? [];
    menu.hidden = sounds.length < 2;
    if (menu.hidden) return;
    const told: string[] = [];
    const rows = sounds.map((sound, at) => {
      const channels = sound.channelsCount ?? 0;
      const name = sound.label ?? language(sound.language) ?? word(channels > 2 ? "surround" : "stereo");
      const small = [sound.label ? language(sound.language) : undefined, channels > 2 ? `${channels - 1}.1` : undefined];
      const beside = small.filter((word) => word !== undefined).join(", ");
      const same = told.filter((other) => other === name + beside).length;
      told.push(name + beside);
      return option("sounds", at, same > 0 ? `${name} ${same + 1}` : name, beside, sound.active);
    });
    fill(place, JSON.stringify([told, sounds.findIndex((sound) => sound.active)]), rows);
    const now = player.find("sound-now");
    const active = sounds.find((sound) => sound.active);
    if (now) now.textContent = active ? (language(active.language) ?? active.label ?? "") : "";
  };
  place.addEventListener("change", (event) => {
    const chosen = player.shaka?.getAudioTracks()[Number((event.target as HTMLInputElement).value)];
    if (chosen) player.shaka?.selectAudioTrack(chosen);
  });
  player.section.addEventListener("loaded", () => {
    show();
    for (const event of ["trackschanged", "audiotrackschanged", "audiotrackchanged", "variantchanged"]) {
      player.shaka?.removeEventListener(event, show);
      player.shaka?.addEventListener(event, show);
    }
  });
}

/** ReplayGain's reference, in LUFS. Source: ReplayGain 2.0 specification. */
const REFERENCE = -18;

/** Loud videos are turned down to what is usual; a quiet one is not turned up, as a browser cannot. */
function startEven(player: Player): void {
  const box = player.find<HTMLInputElement>("even");
  const apply = () => {
    const lufs = Number(document.querySelector<HTMLElement>("#playable")?.dataset["lufs"] || "NaN");
    player.even(box?.checked && Number.isFinite(lufs) ? 10 ** ((REFERENCE - lufs) / 20) : 1);
  };
  try {
    if (box) box.checked = localStorage.getItem("even") !== "0";
  } catch {
    // Storage may be switched off.
  }
  box?.addEventListener("change", () => {
    try {
      localStorage.setItem("even", box.checked ? "1" : "0");
    } catch {
      // Storage may be switched off.
    }
    apply();
  });
  player.section.addEventListener("loaded", apply);
  document.addEventListener("horahora:live", apply);
  apply();
}

/** A language in its own words. */
function language(tag: string): string | undefined {
  if (!tag || tag === "und") return undefined;
  try {
    return new Intl.DisplayNames([tag], { type: "language" }).of(tag);
  } catch {
    return tag;
  }
}

function startSpeed(player: Player): void {
  const speed = player.find<HTMLInputElement>("speed");
  const shown = player.find("speed-now");
  speed?.addEventListener("input", () => setSpeed(player, Number(speed.value) / 100));
  player.video.addEventListener("ratechange", () => {
    const rate = player.video.playbackRate;
    if (rate === 0) return; // shaka stops the clock while it buffers
    if (speed) speed.value = String(Math.round(rate * 100));
    if (shown) shown.textContent = `${rate}×`;
    const now = player.find("quality-now");
    if (player.audioOnly && now) now.textContent = rate === 1 ? "" : `${rate}×`;
  });
}

/** 0 is the automatic choice. */
function choose(player: Player, height: number): void {
  player.section.dataset["quality"] = String(height);
  player.shaka?.configure({ abr: { enabled: height === 0 } });
  take(player, height);
}

function take(player: Player, height: number): void {
  const track = player.shaka?.getVideoTracks().find((picture) => picture.height === height);
  if (track && !track.active) player.shaka?.selectVideoTrack(track, true);
}

/** `rows` are the heights of the manifest, each with its rate: one that could not be shown fast enough is left out by shaka
 * for half a minute, and is in the menu all the same. */
function showQuality(player: Player, rows: Map<number, number>): void {
  const place = player.find("heights");
  const variants = player.shaka?.getVariantTracks() ?? [];
  if (!place) return;
  const active = variants.find((variant) => variant.active)?.height ?? 0;
  const chosen = Number(player.section.dataset["quality"] ?? "0");
  // One that was chosen while it was left out is taken as soon as it is there.
  if (chosen && chosen !== active) take(player, chosen);
  for (const variant of variants) {
    if (variant.height) rows.set(variant.height, Math.max(rows.get(variant.height) ?? 0, variant.bandwidth));
  }
  const sorted = Array.from(rows).sort(([a], [b]) => b - a);
  const options = [option("quality", 0, word("automatic"), active ? word("qualityNow", { height: active }) : "", chosen === 0)];
  for (const [height, bandwidth] of sorted) options.push(option("quality", height, `${height}p`, rate(bandwidth), chosen === height));
  const key = JSON.stringify([sorted, chosen, active]);
  fill(place, key, options);
  const label = player.find("quality-now");
  if (label) label.textContent = chosen ? `${chosen}p` : active ? `${active}p` : word("qualityAuto");
}

/** Puts rows into a menu, once for each key; the row that has the focus keeps it. */
function fill(place: HTMLElement, key: string, rows: HTMLLabelElement[]): void {
  if (place.dataset["key"] === key) return;
  place.dataset["key"] = key;
  const focused = place.contains(document.activeElement) ? (document.activeElement as HTMLInputElement).value : undefined;
  place.replaceChildren(...rows);
  if (focused !== undefined) place.querySelector<HTMLInputElement>(`input[value="${focused}"]`)?.focus();
}

function option(name: string, value: number, text: string, small: string, checked: boolean): HTMLLabelElement {
  const label = document.createElement("label");
  label.className = "opt";
  const input = document.createElement("input");
  input.type = "radio";
  input.name = name;
  input.value = String(value);
  input.checked = checked;
  const word = document.createElement("span");
  word.textContent = text;
  label.append(input, word);
  if (small) {
    const more = document.createElement("small");
    more.textContent = small;
    label.append(more);
  }
  return label;
}

function rate(bandwidth: number): string {
  return bandwidth >= 1e6 ? `${(bandwidth / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bandwidth / 1000)} kbit/s`;
}
