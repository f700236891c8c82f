// Drives a real Chromium through what members and moderators do: send a film from this device, put videos on a list and let
// it play, report one, and answer the report; a stranger's file waits for the moderator. Prints what was seen as JSON.

import { chromium } from "playwright-core";

import { readOptions } from "./options.mjs";
import { record } from "./recorder.mjs";
import { takeShots } from "./shots.mjs";

const options = readOptions(process.argv.slice(2), ["login", "shots", "film", "code"]);
const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});
setTimeout(() => {
  console.error("the deadline is over");
  process.exit(1);
}, options.deadlineMs).unref();

const at = (path) => new URL(path, options.login).href;

/** Somebody at a desk of their own. */
async function person() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  return { page, seen: await record(page), texts: (selector) => page.locator(selector).allTextContents() };
}

async function account(page, name) {
  await page.fill("#name", name);
  await page.fill("#password", "correct horse battery");
  await page.click("main button.go");
  await page.waitForURL(at("/"));
}

const ada = await person();
const { page, texts } = ada;
await page.goto(options.login.href);
await page.click("text=Make an account");
await account(page, "豆狸");

// Sends a film, and chooses one of its pictures.
await page.goto(at("/upload"));
await page.setInputFiles("#upload input[name=file]", options.film);
await page.waitForFunction(() => document.querySelectorAll("#frames canvas").length === 5);
await page.waitForFunction(() => document.querySelector("#came-words").textContent === "All of it is here.");
const guessed = await page.inputValue("#upload input[name=title]");
await page.fill("#upload input[name=title]", "夏祭りの自動販売機");
await page.fill("#upload input[name=tags]", "夏、home");
await page.check("#frames input >> nth=3");
const shots = [];
await page.click("#upload button.go");
await page.waitForSelector("#live .rows");
await page.waitForFunction(() => document.querySelector("#live .state.ok"), null, { timeout: 60_000 });
await page.click("#live .rows h3 a");
await page.waitForURL(/\/watch\/upload/);
await page.waitForSelector("section.player[data-state=ready]");
const film = page.url();
const uploaded = { title: await page.textContent("h1.title"), tags: await texts(".top-tags .tag"), by: await page.textContent("#about b") };

// Two videos on a list, one from each of their pages; it plays by itself from one to the other.
await page.click("#lists > summary");
await page.fill("#lists input[name=name]", "夜の組曲");
await page.click("#lists button[value=make]");
await page.waitForURL(film);
await page.goto(at("/search?q=Kettle"));
await page.click(".card.wide h2 a");
await page.waitForURL(/\/watch\//);
await page.click("#lists > summary");
await page.click("#lists button[value=add]");
await page.waitForSelector("#lists button[value=drop]", { state: "attached" });
await page.goto(at("/lists"));
await page.click(".rows h3 a");
const listed = await texts(".in-list h2");
const list = page.url();
await page.click("text=Change it");
await page.fill("#edit textarea", "Zwei Stücke für die Nacht.");
await page.check("#edit input[name=public]");
await page.click("#edit button[value=edit]");
await page.waitForSelector("text=by 豆狸");
await page.click("text=Play all");
await page.waitForSelector("section.player[data-state=ready]");
const place = await page.textContent("#list .sect-h p");
shots.push(...(await takeShots(page, options.shots, { watch: page.url(), list, lists: at("/lists") })));
await page.goto(list);
await page.click("text=Play all");
await page.waitForSelector("section.player[data-state=ready]");
await page.evaluate(async () => {
  const video = document.querySelector("video");
  video.muted = true;
  await video.play();
  video.currentTime = video.duration - 0.4;
});
await page.waitForURL(/play=1/);
const next = await page.textContent("#list .sect-h p");

// Reports it, and answers as a moderator.
await page.click("#report > summary");
await page.selectOption("#report select", "broken");
await page.fill("#report textarea", "The sound is of another song.");
await page.click("#report button");
await page.waitForSelector("text=Thank you.");

// Somebody else sends a file, and it waits.
const kitsune = await person();
await kitsune.page.goto(at(`/sign-up?code=${options.code}`));
await account(kitsune.page, "kitsune");
await kitsune.page.goto(at("/upload"));
await kitsune.page.setInputFiles("#upload input[name=file]", { name: "my_song.mp4", mimeType: "video/mp4", buffer: Buffer.from("no film at all") });
await kitsune.page.waitForFunction(() => document.querySelector("#came-words").textContent === "All of it is here.");
await kitsune.page.click("#upload button.go");
await kitsune.page.waitForFunction(() => document.querySelector("#live .state")?.textContent === "Waiting");
const waits = await kitsune.texts("#live .state");
shots.push(...(await takeShots(kitsune.page, options.shots, { upload: at("/upload") })));

await page.goto(at("/moderate/reports"));
const badges = await texts("main .badge");
shots.push(...(await takeShots(page, options.shots, { reports: at("/moderate/reports"), uploads: at("/moderate/uploads") })));
await page.goto(at("/moderate/reports"));
await page.fill("input[name=text]", "It was captured again.");
await page.click("button.go");
await page.waitForSelector("text=Nobody complains");
await page.goto(at("/moderate/uploads"));
await page.fill("input[name=reason]", "It is no film.");
await page.click("button[value=refuse]");
await page.waitForSelector("text=Nothing waits here");
await kitsune.page.waitForSelector("text=It is no film.");
shots.push(...(await takeShots(page, options.shots, { account: at("/account"), queue: at("/moderate") })));

const all = [ada.seen, kitsune.seen];
const of = (kind) => all.flatMap((seen) => seen[kind]);
console.log(
  JSON.stringify({
    guessed, uploaded, listed, place, next, waits, badges, shots,
    httpErrors: of("httpErrors"), consoleErrors: of("consoleErrors"), pageErrors: of("pageErrors"), cspViolations: of("cspViolations"),
  }),
);
await browser.close();
