// What is at a time of the video: the chapter's name, and a small picture.

import type { Player } from "./player";
import { clock } from "./time";

interface Board {
  /** Where the sheets are: `…/storyboard/`. */
  src: string;
  width: number;
  height: number;
  columns: number;
  rows: number;
  every_ms: number;
  pictures: number;
}

interface Chapter {
  at: number;
  title: string;
}

/** The marks in the seek bar, which the server drew. */
export function chapters(player: Player): Chapter[] {
  const marks = player.section.querySelectorAll<SVGElement>("#seek [data-title]");
  return Array.from(marks, (mark) => ({ at: Number(mark.dataset["at"]), title: mark.dataset["title"] ?? "" }));
}

export function chapterAt(player: Player, seconds: number): string {
  return chapters(player).findLast((chapter) => chapter.at <= seconds)?.title ?? "";
}

/** To the chapter after this one, or to its beginning, or to that of the one before. */
export function turnChapter(player: Player, by: 1 | -1): void {
  const now = player.video.currentTime;
  const starts = chapters(player).map((chapter) => chapter.at);
  const target = by > 0 ? starts.find((at) => at > now + 0.1) : starts.findLast((at) => at < now - 2);
  if (target !== undefined) player.seek(target);
  else if (by < 0 && starts.length > 0) player.seek(0);
}

/** Shows over the seek bar what is at `seconds`, `left` pixels from its beginning. */
export function showTip(player: Player, seconds: number, left: number, width: number): void {
  const place = player.find("tip");
  const words = player.find("tip-words");
  const shot = player.find("tip-shot");
  if (!place || !words || !shot) return;
  const title = chapterAt(player, seconds);
  words.textContent = title ? `${clock(seconds)} ${title}` : clock(seconds);
  const board = readBoard();
  shot.hidden = !board;
  if (board) paint(shot, board, seconds);
  place.hidden = false;
  // It stays inside of the player.
  const half = place.offsetWidth / 2;
  place.style.left = `${Math.min(Math.max(left, half), Math.max(half, width - half))}px`;
}

/** The page knows it as soon as it is made, also while it is open. */
function readBoard(): Board | undefined {
  const text = document.querySelector<HTMLElement>("#playable")?.dataset["board"];
  return text ? (JSON.parse(text) as Board) : undefined;
}

function paint(shot: HTMLElement, board: Board, seconds: number): void {
  const picture = Math.min(board.pictures - 1, Math.floor((seconds * 1000) / board.every_ms));
  const within = picture % (board.columns * board.rows);
  const sheet = Math.floor(picture / (board.columns * board.rows));
  const [x, y] = [(within % board.columns) * board.width, Math.floor(within / board.columns) * board.height];
  shot.style.width = `${board.width}px`;
  shot.style.height = `${board.height}px`;
  shot.style.backgroundImage = `url("${board.src}${sheet}.jpg")`;
  shot.style.backgroundPosition = `-${x}px -${y}px`;
}
