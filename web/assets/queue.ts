// The queue of what waits for approval: select all, and keys.

import { isTyping } from "./page";

const CLICKS: Record<string, string> = { a: "approved", r: "refused" };

export function startQueue(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-queue]");
  if (!form) return;
  const boxes = [...form.querySelectorAll<HTMLInputElement>("input[name=video]")];
  const all = form.querySelector<HTMLInputElement>("[data-all]");
  all?.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  let at = -1;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isText(event.target)) return;
    const word = CLICKS[event.key];
    if (event.key === "j" || event.key === "k") {
      at = Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), boxes.length - 1);
      boxes[at]?.focus();
    } else if (event.key === "x") {
      const box = boxes[at];
      if (box) box.checked = !box.checked;
    } else if (word && boxes.some((box) => box.checked)) {
      form.querySelector<HTMLButtonElement>(`button[value=${word}]`)?.click();
    }
  });
}

/** A box that is only checked takes no letters. */
function isText(target: EventTarget | null): boolean {
  return isTyping(target) && !(target instanceof HTMLInputElement && target.type === "checkbox");
}
