// What every page needs: theme, menus, keys, the link form and parts that change by themselves.

import { startLive } from "./live";
import { startPaste } from "./paste";
import { startQueue } from "./queue";
import { isTyping, startCopy, startMenus, startTheme } from "./page";

document.documentElement.classList.add("script");
startTheme();
startMenus();
startCopy();
startPaste();
startLive();
startQueue();

// `g h`, `g a`, `g n`, `g m`: go to a page. `/`: paste a link.
let afterG = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/") {
    const field = document.querySelector<HTMLInputElement>("form[data-paste] input[name=url]");
    if (field) {
      event.preventDefault();
      field.focus();
    }
    return;
  }
  const pages: Record<string, string> = { h: "/", a: "/archive", n: "/nodes", m: "/moderate" };
  const target = pages[event.key];
  if (target && performance.now() - afterG < 1500) location.assign(target);
  afterG = event.key === "g" ? performance.now() : 0;
});
