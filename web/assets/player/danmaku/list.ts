// The same comments as a list beside the player, and as a crest over the seek bar: where people spoke.

import type { Player } from "../player";
import { clock } from "../time";
import type { Comment } from "./comments";

/** Rows that are there at once on either side of the time. */
const AROUND = 150;
const BARS = 100;
/** Where the crest stands, and how high it gets, in the seek bar's own measure. */
const FOOT = 22;
const HEIGHT = 20;

export function startList(player: Player, comments: Comment[]): void {
  const section = document.querySelector<HTMLElement>("#danmaku");
  const list = section?.querySelector("ol");
  if (!section || !list) return;
  section.hidden = false;
  const count = section.querySelector("#danmaku-count");
  if (count) count.textContent = comments.length.toLocaleString("en");
  const follow = section.querySelector<HTMLInputElement>("#danmaku-follow");
  let [from, to] = [0, 0];

  const rows = (first: number, last: number) =>
    comments.slice(first, last).map((comment, at) => row(comment, first + at));
  const around = (at: number) => {
    [from, to] = [Math.max(0, at - AROUND), Math.min(comments.length, at + AROUND)];
    list.replaceChildren(...rows(from, to));
  };
  const show = () => {
    // The last one that was said by now.
    const at = before(comments, player.video.currentTime * 1000);
    const following = follow?.checked ?? false;
    if (following && (at < from || at >= to)) around(at);
    const now = list.querySelector(".now");
    const next = list.querySelector<HTMLElement>(`[data-at="${at}"]`);
    if (now === next && now) return;
    now?.classList.remove("now");
    next?.classList.add("now");
    if (next && following) list.scrollTop = next.offsetTop - list.clientHeight / 2;
  };
  around(0);
  show();
  player.section.addEventListener("said", () => {
    if (count) count.textContent = comments.length.toLocaleString("en");
    around(before(comments, player.video.currentTime * 1000));
    show();
  });
  player.video.addEventListener("timeupdate", show);
  player.video.addEventListener("seeking", show);
  follow?.addEventListener("change", show);
  list.addEventListener("scroll", () => {
    const end = list.scrollTop + list.clientHeight;
    if (end > list.scrollHeight - 100 && to < comments.length) {
      const last = Math.min(comments.length, to + AROUND);
      list.append(...rows(to, last));
      to = last;
    } else if (list.scrollTop < 100 && from > 0) {
      const first = Math.max(0, from - AROUND);
      const height = list.scrollHeight;
      list.prepend(...rows(first, from));
      from = first;
      list.scrollTop += list.scrollHeight - height;
    }
  });
  // Who scrolls reads; the list stays where it is.
  for (const event of ["wheel", "touchmove"]) {
    list.addEventListener(event, () => follow && (follow.checked = false), { passive: true });
  }
  list.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-at]")?.dataset["at"] : undefined;
    const comment = comments[Number(at ?? "x")];
    if (comment) player.seek(comment.t_ms / 1000);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const now = document.activeElement?.closest("li") ?? list.querySelector(".now");
    const next = step > 0 ? (now?.nextElementSibling ?? list.firstElementChild) : now?.previousElementSibling;
    next?.querySelector("button")?.focus();
  });
}

function row(comment: Comment, at: number): HTMLLIElement {
  const line = document.createElement("li");
  line.dataset["at"] = String(at);
  const time = document.createElement("button");
  time.type = "button";
  time.tabIndex = -1;
  time.textContent = clock(comment.t_ms / 1000);
  const words = document.createElement("span");
  words.textContent = comment.text;
  line.append(time, words);
  return line;
}

/** The number of the last comment that is not later than `ms`, 0 when all are. */
function before(comments: Comment[], ms: number): number {
  let [low, high] = [0, comments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((comments[middle]?.t_ms ?? Infinity) <= ms) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

export function drawCrest(player: Player, comments: Comment[]): void {
  const wave = player.section.querySelector("#wave");
  const duration = player.duration * 1000;
  if (!wave || duration <= 0 || comments.length < 2) return;
  const bars = new Array<number>(BARS + 1).fill(0);
  for (const { t_ms } of comments) {
    const bar = Math.min(BARS, Math.floor((t_ms / duration) * BARS));
    // A comment is read for longer than one bar.
    for (const [by, part] of [[-1, 0.25], [0, 0.5], [1, 0.25]] as const) {
      const near = Math.min(BARS, Math.max(0, bar + by));
      bars[near] = (bars[near] ?? 0) + part;
    }
  }
  const most = Math.max(...bars);
  const points = bars.map((bar, at) => `L${(at * 1000) / BARS} ${(FOOT - (bar / most) * HEIGHT).toFixed(1)}`);
  wave.setAttribute("d", `M0 ${FOOT}${points.join("")}L1000 ${FOOT}z`);
}
