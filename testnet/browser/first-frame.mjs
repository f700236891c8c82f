// Waits on the page of a video that is not there yet, plays it as soon as it can, and prints when the first picture was
// shown: milliseconds since 1970.

import { chromium } from "playwright-core";

import { logIn } from "./archive.mjs";
import { readOptions } from "./options.mjs";

const options = readOptions(process.argv.slice(2), ["login", "path"]);
const browser = await chromium.launch({ executablePath: options.chromium, args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--autoplay-policy=no-user-gesture-required"] });
try {
  const page = await (await browser.newContext()).newPage();
  await logIn(page, options.login);
  let shown = 0;
  await page.exposeFunction("__shown", (at) => (shown ||= at));
  await page.addInitScript(() => {
    addEventListener("DOMContentLoaded", () => {
      const video = document.querySelector("#video");
      if (!video) return;
      video.autoplay = true;
      video.muted = true;
      video.requestVideoFrameCallback((now) => window.__shown(performance.timeOrigin + now));
    });
  });
  // Its request may not be listed yet.
  const end = performance.now() + options.deadlineMs;
  while ((await page.goto(options.login.origin + options.path)).status() === 404 && performance.now() < end) await page.waitForTimeout(100);
  while (!shown && performance.now() < end) await page.waitForTimeout(20);
  process.stdout.write(`${shown || "nothing was shown"}\n`);
} finally {
  await browser.close();
}
