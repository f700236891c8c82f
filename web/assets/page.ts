// Theme, menus and small questions about the page.

import { word } from "./words";

const COPIED_MS = 1_500;
const AGAIN_MS = 300;
const GONE_MS = 8_000;
const ORDER = ["auto", "light", "dark"] as const;

/** The server reads the cookie, so the next page comes in the right colours at once. */
export function startTheme(): void {
  const button = document.querySelector<HTMLButtonElement>("#theme");
  if (!button) return;
  const root = document.documentElement;
  button.hidden = false;
  button.addEventListener("click", () => {
    const now = ORDER.findIndex((name) => name === root.dataset["theme"]);
    const next = ORDER[(now + 1) % ORDER.length] ?? "auto";
    root.dataset["theme"] = next;
    document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
    button.setAttribute("aria-label", word("theme", { word: word(next) }));
  });
}

/** Menus are <details>, so they open without script; with it, one is open at a time and Escape closes it. */
export function startMenus(): void {
  const open = () => document.querySelectorAll<HTMLDetailsElement>("details.menu[open]");
  document.addEventListener("click", (event) => {
    const here = event.target instanceof Element ? event.target.closest("details.menu") : null;
    for (const menu of open()) if (menu !== here) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      if (inside) menu.querySelector("summary")?.focus();
    }
  });
  if (matchMedia("(max-width: 52rem)").matches) {
    for (const panel of document.querySelectorAll<HTMLDetailsElement>("details.safe")) panel.open = false;
  }
}

/** Buttons that copy what they name; the page is told aloud. */
export function startCopy(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-copy]") : null;
    if (!button) return;
    void copy(wanted(button)).then((done) => {
      const region = document.querySelector("#say");
      if (region) region.textContent = word(done ? "copied" : "notCopied");
      if (!done) return;
      show(button, "copy", "check");
      setTimeout(() => show(button, "check", "copy"), COPIED_MS);
    });
  });
}

/** What is copied; with the moment that is shown where that is wanted. */
function wanted(button: HTMLElement): string {
  const text = button.dataset["copy"] ?? "";
  const now = Math.floor(document.querySelector("video")?.currentTime ?? 0);
  return "copyNow" in button.dataset && now > 0 ? `${text}?t=${now}` : text;
}

function show(button: Element, from: string, to: string): void {
  button.classList.toggle("on", to === "check");
  const use = button.querySelector("use");
  use?.setAttribute("href", (use.getAttribute("href") ?? "").replace(`#${from}`, `#${to}`));
}

/** Browsers give the clipboard to HTTPS and this machine only; in a local network the old way is left. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const field = document.createElement("textarea");
    field.className = "vh";
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
    return done;
  }
}

/** A list is sorted as soon as somebody chooses how; filters do not stand before what was found on narrow screens. */
export function startFilters(): void {
  for (const select of document.querySelectorAll<HTMLSelectElement>("select[data-submit]")) {
    select.addEventListener("change", () => select.form?.requestSubmit());
  }
  const box = document.querySelector<HTMLDetailsElement>("#filter-box[data-fold]");
  if (box && matchMedia("(max-width: 52rem)").matches) box.open = false;
}

/** Goes on once a node that begins again is there: in another life of its own, or after some seconds. */
export function startAgain(): void {
  const href = document.querySelector<HTMLElement>("[data-again]")?.dataset["again"];
  if (!href) return;
  const life = (): Promise<string | null> =>
    fetch("/healthz", { cache: "no-store" }).then((answer) => answer.headers.get("x-horahora-life"), () => null);
  const before = life();
  const begun = performance.now();
  const look = async (): Promise<void> => {
    const [old, now] = await Promise.all([before, life()]);
    if (now && (now !== old || performance.now() - begun > GONE_MS)) location.assign(href);
    else setTimeout(() => void look(), AGAIN_MS);
  };
  void look();
}

/** Whether keys belong to what has the focus. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
