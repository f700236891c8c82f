// Fetches the comments of a video and lets a viewer set how they are drawn.

import type { Player } from "../player";
import { type Danmaku, type Settings, loadSettings, saveSettings } from "./comments";
import { Layer } from "./layer";
import { drawCrest, startList } from "./list";
import { startSaying } from "./say";
import { word } from "../../words";

const SLIDERS = ["opacity", "size", "density", "area"] as const;

/** Fetches once the video is there: the picture comes first. */
export function startDanmaku(player: Player): void {
  const { danmaku, said } = player.section.dataset;
  if (!danmaku && !said) return;
  player.section.addEventListener("loaded", () => void begin(player, danmaku, said), { once: true });
}

async function begin(player: Player, archived: string | undefined, said: string | undefined): Promise<void> {
  const [there, here] = await Promise.all([fetchAll(archived), fetchAll(said)]);
  const danmaku: Danmaku = {
    form: there?.form ?? "plain",
    comments: [...(there?.comments ?? []), ...(here?.comments ?? [])].sort((a, b) => a.t_ms - b.t_ms),
  };
  const place = player.find("dm-layer");
  const menu = player.find("dm");
  const say = said ? document.querySelector<HTMLFormElement>("#dm-say") : null;
  if ((danmaku.comments.length === 0 && !say) || !place || !menu) return;
  const settings = loadSettings();
  const layer = new Layer(place, player.video, danmaku, player.section.dataset["niconico"] ?? "");
  startList(player, danmaku.comments);
  drawCrest(player, danmaku.comments);
  player.section.addEventListener("loaded", () => drawCrest(player, danmaku.comments));
  menu.hidden = false;
  const count = player.find("dm-count");
  if (count) count.textContent = danmaku.comments.length.toLocaleString("en");

  const apply = () => {
    showSettings(player, settings);
    saveSettings(settings);
    // The list tells the same words if a renderer fails.
    layer.apply(settings).catch((error: unknown) => console.warn("danmaku cannot be drawn", error));
  };
  for (const name of ["show", "fold"] as const) {
    const box = player.find<HTMLInputElement>(`dm-${name}`);
    box?.addEventListener("change", () => {
      settings[name] = box.checked;
      apply();
    });
  }
  for (const name of SLIDERS) {
    const slider = player.find<HTMLInputElement>(`dm-${name}`);
    slider?.addEventListener("input", () => showNumber(player, name, Number(slider.value)));
    slider?.addEventListener("change", () => {
      settings[name] = Number(slider.value);
      apply();
    });
  }
  if (say && said) {
    startSaying(player, say, said, (comment) => {
      const after = danmaku.comments.findIndex(({ t_ms }) => t_ms > comment.t_ms);
      danmaku.comments.splice(after < 0 ? danmaku.comments.length : after, 0, comment);
      player.section.dispatchEvent(new CustomEvent("said"));
      drawCrest(player, danmaku.comments);
      apply();
    });
  }
  player.section.addEventListener("danmaku", () => {
    settings.show = !settings.show;
    apply();
  });
  apply();
}

async function fetchAll(href: string | undefined): Promise<Danmaku | undefined> {
  if (!href) return undefined;
  try {
    const answer = await fetch(href);
    return answer.ok ? ((await answer.json()) as Danmaku) : undefined;
  } catch {
    // Without them the video plays all the same.
    return undefined;
  }
}

function showSettings(player: Player, settings: Settings): void {
  for (const name of ["show", "fold"] as const) {
    const box = player.find<HTMLInputElement>(`dm-${name}`);
    if (box) box.checked = settings[name];
  }
  for (const name of SLIDERS) {
    const slider = player.find<HTMLInputElement>(`dm-${name}`);
    if (slider) slider.value = String(settings[name]);
    showNumber(player, name, settings[name]);
  }
  const now = player.find("dm-now");
  if (now) now.textContent = word(settings.show ? "on" : "off");
}

function showNumber(player: Player, name: string, value: number): void {
  const output = player.find(`dm-${name}-now`);
  if (output) output.textContent = `${value} %`;
}
