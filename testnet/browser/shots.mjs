// Screenshots of the pages in every size and scheme, and whether a page is wider than its window.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

const SIZES = [{ width: 1440, height: 900 }, { width: 390, height: 844 }];
const SCHEMES = ["light", "dark"];

export async function takeShots(page, dir, pages) {
  await mkdir(dir, { recursive: true });
  const shots = [];
  for (const [name, url] of Object.entries(pages)) {
    for (const size of SIZES) {
      for (const scheme of SCHEMES) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize(size);
        await page.goto(url);
        await page.evaluate(settled);
        if (name === "watch") await page.waitForFunction(notLoading, null, { timeout: 15_000 });
        const path = join(dir, `${name}-${size.width}-${scheme}.png`);
        await page.screenshot({ path, fullPage: true });
        shots.push({ path, overflow: await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth > 0) });
      }
    }
  }
  return shots;
}

// Inside the page from here on.

async function settled() {
  await document.fonts.ready;
  const images = [...document.images].filter((image) => image.loading !== "lazy");
  await Promise.all(images.map((image) => image.decode().catch(() => {})));
}

function notLoading() {
  return (document.querySelector("section.player")?.dataset.state ?? "loading") !== "loading";
}
