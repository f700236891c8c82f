// What every page needs: theme, menus, keys, the link form and parts that change by themselves.

import { startLive } from "./live";
import { startPaste } from "./paste";
import { startQueue } from "./queue";
import { isTyping, startAgain, startCopy, startFilters, startMenus, startTheme } from "./page";

document.documentElement.classList.add("script");
startTheme();
startMenus();
startCopy();
startFilters();
startPaste();
startLive();
startQueue();
startAgain();

// `g h`, `g b`, `g a`, `g n`, `g m`: go to a page. `/`: search.
let afterG = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/") {
    const field = document.querySelector<HTMLInputElement>(".find input[name=q]");
    if (field) {
      event.preventDefault();
      field.focus();
    }
    return;
  }
  const pages: Record<string, string> = { h: "/", b: "/search", a: "/archive", n: "/nodes", m: "/moderate" };
  const target = pages[event.key];
  if (target && performance.now() - afterG < 1500) location.assign(target);
  afterG = event.key === "g" ? performance.now() : 0;
});
