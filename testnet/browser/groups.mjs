// Drives a real Chromium through what two operators do: one makes a private group and a ticket without script, the
// other pastes it; both see two members; the first removes the second. Prints one JSON object with what was seen;
// ends with 1 and says why when something is missing.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { logIn } from "./archive.mjs";
import { readOptions } from "./options.mjs";
import { record } from "./recorder.mjs";

const NAME = "夜の音MAD";
const SIZES = [{ width: 1440, height: 900 }, { width: 390, height: 844 }];

const options = readOptions(process.argv.slice(2), ["login", "other", "shots"]);
const report = { shots: [] };
const browser = await chromium.launch({ executablePath: options.chromium, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
try {
  await mkdir(options.shots, { recursive: true });
  await run();
} catch (error) {
  report.problem = error.message.split("\n").slice(0, 3).join(" ");
} finally {
  await browser.close();
}
const { pageErrors = [], consoleErrors = [], cspViolations = [] } = report.seen ?? {};
const wide = report.shots.filter((shot) => shot.overflow);
report.ok = !report.problem && [pageErrors, consoleErrors, cspViolations, wide].every((all) => all.length === 0);
process.stdout.write(`${JSON.stringify(report, null, 1)}\n`, () => process.exit(report.ok ? 0 : 1));

async function run() {
  const bare = await browser.newContext({ viewport: SIZES[0], javaScriptEnabled: false, reducedMotion: "reduce" });
  const page = await bare.newPage();
  await logIn(page, options.login);
  await page.goto(new URL("/nodes", options.login).href);
  await shoot(page, "nodes-empty");

  await page.fill("#make-name", NAME);
  await page.check("input[name=private]");
  await page.getByRole("button", { name: "Make it", exact: true }).click();
  const group = page.locator("section", { has: page.getByRole("heading", { name: NAME }) });
  report.made = oneLine(await group.locator(".sect-h").innerText());
  report.footer = oneLine(await page.locator("footer").innerText());

  await group.getByRole("link", { name: "Invite a node" }).click();
  report.offered = await page.locator("#invite-group option:checked").innerText();
  await page.getByRole("button", { name: "Make a ticket" }).click();
  const ticket = await page.locator("#ticket-made").innerText();
  report.ticket = { length: ticket.length, said: oneLine(await page.locator("#ticket p").first().innerText()) };
  const qr = page.locator("#ticket svg.qr");
  report.qr = { size: await qr.boundingBox(), path: (await qr.locator("path").getAttribute("d")).length };
  await shoot(page, "ticket");

  const other = await browser.newPage({ viewport: SIZES[0], reducedMotion: "reduce" });
  report.seen = await record(other);
  await logIn(other, options.other);
  await other.goto(new URL("/nodes", options.other).href);
  await other.fill("#ticket-text", "hh1nonsense");
  await other.getByRole("button", { name: "Join", exact: true }).click();
  report.refused = { said: await other.locator("#join-said").innerText(), kept: await other.inputValue("#ticket-text") };
  // The refusal itself is an error of the console, and is meant.
  report.seen.consoleErrors.length = 0;
  await other.fill("#ticket-text", ticket);
  await other.getByRole("button", { name: "Join", exact: true }).click();
  // With script the page changes by itself.
  await rows(other, 2);
  report.joined = await members(other);
  await shoot(other, "joined");

  await other.goto(new URL("/archive", options.other).href);
  report.choices = await other.locator("#group option").allInnerTexts();
  await shoot(other, "archive");
  await other.goto(new URL("/nodes", options.other).href);

  // Without script it changes when it is opened again.
  await again(page, 2);
  report.both = await members(page);
  const row = page.locator(".members tbody tr").nth(1);
  await row.getByText("Change").click();
  await row.getByText("Remove it from the group").click();
  await shoot(page, "remove");
  await row.getByRole("button", { name: /^Remove / }).click();
  await again(page, 1);
  report.left = await members(page);
}

async function rows(page, count) {
  const enough = (wanted) => document.querySelectorAll(".members tbody tr").length === wanted;
  await page.waitForFunction(enough, count, { timeout: options.deadlineMs });
}

async function again(page, count) {
  const end = performance.now() + options.deadlineMs;
  for (;;) {
    await page.goto(new URL("/nodes", page.url()).href);
    if ((await page.locator(".members tbody tr").count()) === count) return;
    if (performance.now() > end) throw new Error(`never ${count} members: ${await page.locator("main").innerText()}`);
    await page.waitForTimeout(500);
  }
}

async function members(page) {
  return (await page.locator(".members tbody tr").allInnerTexts()).map(oneLine);
}

function oneLine(text) {
  return text.replace(/\s+/g, " ").trim();
}

/** The page as it stands: one that answered a form cannot be opened again. */
async function shoot(page, name) {
  for (const size of SIZES) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      const path = join(options.shots, `${name}-${size.width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true });
      report.shots.push({ path, overflow: await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth) });
    }
  }
  await page.setViewportSize(SIZES[0]);
}
