// Screenshots of the pages in every size and scheme, whether a page is wider than its window, and what axe finds wrong with it.

import { mkdir } from "node:fs/promises";

import axe from "axe-core";
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
        shots.push({ path, axe: await faults(page), overflow: await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth > 0) });
      }
    }
  }
  return shots;
}

/** What keeps some people from using the page (WCAG 2.2 AA), as axe says: rules and where they are broken. */
export async function faults(page) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(look);
  return found.filter(({ impact }) => ["serious", "critical"].includes(impact));
}

// Inside the page from here on.

async function look() {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await window.axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
  return violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.slice(0, 3).map((node) => node.html.slice(0, 200)) }));
}

async function settled() {
  await document.fonts.ready;
  const images = [...document.images].filter((image) => image.loading !== "lazy");
  await Promise.all(images.map((image) => image.decode().catch(() => {})));
}

function notLoading() {
  return (document.querySelector("section.player")?.dataset.state ?? "loading") !== "loading";
}
