// The watch page's script: starts the player, and notices when there is something (better) to play.

import { Player } from "./player/player";
import { startControls } from "./player/controls";
import { startDanmaku } from "./player/danmaku/menu";
import { startKeys } from "./player/keys";
import { startMenus } from "./player/menus";
import { startSeek } from "./player/seek";

const VIEW_S = 10;
/** Seconds at either end that are not worth coming back to. */
const LEFT_S = 15;

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
  startMoments(player);
  startViews(player, section.dataset["view"]);
  const from = Number(new URLSearchParams(location.search).get("t")) || leftAt(player);
  startLeaving(player);
  startList(player);
  const begun = player.load(section.dataset["mpd"] ?? "", Math.max(0, from));
  // A browser that does not let a page begin by itself shows the button.
  if (new URLSearchParams(location.search).has("play")) void begun.then(() => player.play());
} else {
  document.addEventListener("horahora:live", begin);
  begin();
}

/** Where this browser left the video; 0 at its beginning and near its end. What is being made plays from its beginning. */
function leftAt(player: Player): number {
  try {
    const at = Number(localStorage.getItem(`left:${location.pathname}`)) || 0;
    return !player.live && at > LEFT_S && at < player.duration - LEFT_S ? at : 0;
  } catch {
    return 0; // Storage may be switched off.
  }
}

function startLeaving(player: Player): void {
  const note = (): void => {
    try {
      localStorage.setItem(`left:${location.pathname}`, String(Math.floor(player.video.currentTime)));
    } catch {
      // It begins at its beginning next time.
    }
  };
  player.video.addEventListener("pause", note);
  addEventListener("pagehide", note);
}

/** Of a list the next video begins when one has ended, where somebody wants that. */
function startList(player: Player): void {
  const box = document.querySelector<HTMLInputElement>("#go-on");
  const next = document.querySelector<HTMLAnchorElement>("#next");
  // The list alone scrolls, not the page.
  const at = document.querySelector<HTMLElement>("#list [aria-current]");
  if (at?.parentElement) at.parentElement.scrollTop = at.offsetTop - at.parentElement.offsetTop;
  if (!box) return;
  try {
    box.checked = localStorage.getItem("list:go-on") !== "no";
  } catch {
    box.checked = true; // Storage may be switched off.
  }
  box.addEventListener("change", () => {
    try {
      localStorage.setItem("list:go-on", box.checked ? "yes" : "no");
    } catch {
      // It is asked again on the next page.
    }
  });
  if (!next) return;
  player.video.addEventListener("ended", () => {
    if (box.checked) location.assign(`${next.href}&play=1`);
  });
}

/** A moment named in a comment leads there, without loading the page again. */
function startMoments(player: Player): void {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>("a[data-seek]") : null;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    player.seek(Number(link.dataset["seek"]));
    player.play();
    player.section.scrollIntoView({ block: "nearest" });
  });
}

/** Who watched for ten seconds, or a third of something shorter, has seen it. */
function startViews(player: Player, href: string | undefined): void {
  if (!href) return;
  let watched = 0;
  let last = -1;
  const count = (): void => {
    const now = player.video.currentTime;
    const step = now - last;
    if (last >= 0 && step > 0 && step < 2) watched += step;
    last = now;
    if (watched < Math.min(VIEW_S, player.duration / 3)) return;
    player.video.removeEventListener("timeupdate", count);
    // Whether it is counted is no matter for who watches.
    fetch(href, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).catch(() => undefined);
  };
  player.video.addEventListener("timeupdate", count);
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
