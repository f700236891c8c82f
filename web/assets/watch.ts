// The watch page's script: starts the player, and notices when there is something (better) to play.

import { Player } from "./player/player";
import { startControls } from "./player/controls";
import { startDanmaku } from "./player/danmaku/menu";
import { startKeys } from "./player/keys";
import { startMenus } from "./player/menus";
import { startSeek } from "./player/seek";

const section = document.querySelector<HTMLElement>("#player");
const video = document.querySelector<HTMLVideoElement>("#video");
if (section && video) {
  const player = new Player(section, video);
  startControls(player);
  startSeek(player);
  startMenus(player);
  startKeys(player);
  startDanmaku(player);
  document.addEventListener("horahora:live", () => compare(player));
  void player.load(section.dataset["mpd"] ?? "", 0);
} else {
  document.addEventListener("horahora:live", begin);
  begin();
}

/** The page was opened too early: once there is something to play, it comes again, with a player. */
function begin(): void {
  const found = playable();
  if (!found) return;
  const key = `horahora:began:${location.pathname}`;
  // Once for each manifest: if the page then still has no player, it is not loaded again and again.
  if (sessionStorage.getItem(key) === found.mpd) return;
  sessionStorage.setItem(key, found.mpd);
  location.reload();
}

/** A page that follows a capture goes on with what it has; one that was complete is told about new sizes. */
function compare(player: Player): void {
  const found = playable();
  const note = document.querySelector<HTMLElement>("#better");
  if (!found) return;
  player.newest = found.mpd;
  if (!note || player.live || found.live || found.mpd === player.mpd || !note.hidden) return;
  note.hidden = false;
  document.querySelector("#better-go")?.addEventListener(
    "click",
    () => {
      note.hidden = true;
      void player.reload();
    },
    { once: true },
  );
}

function playable(): { mpd: string; live: boolean } | undefined {
  const data = document.querySelector<HTMLElement>("#playable")?.dataset;
  const mpd = data?.["mpd"];
  return mpd ? { mpd, live: data["live"] === "true" } : undefined;
}
