// Drives a real Chromium through what people do with an account: make it, find a video, say something below it and over it,
// vote, take it back, log out; then looks at the pages that they see. Prints one JSON object with what was seen.

import { chromium } from "playwright-core";

import { readOptions } from "./options.mjs";
import { record } from "./recorder.mjs";
import { takeShots } from "./shots.mjs";

const options = readOptions(process.argv.slice(2), ["login", "shots"]);
const browser = await chromium.launch({ executablePath: options.chromium, args: ["--no-sandbox"] });
setTimeout(() => {
  console.error("the deadline is over");
  process.exit(1);
}, options.deadlineMs).unref();

const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const page = await context.newPage();
const seen = await record(page);
const at = (path) => new URL(path, options.login).href;
const texts = (selector) => page.locator(selector).allTextContents();

// Whoever runs the node makes their own account.
await page.goto(options.login.href);
await page.click("text=Make an account");
await page.fill("#name", "豆狸");
await page.fill("#password", "short");
await page.locator("#password").evaluate((field) => field.removeAttribute("minlength"));
await page.click("main button.go");
const refused = await page.textContent("[role=alert]");
const kept = await page.inputValue("#name");
await page.fill("#password", "correct horse battery");
await page.click("main button.go");
await page.waitForURL(at("/"));
const account = await page.getAttribute(".acct a[href='/account']", "aria-label");

// Finds a video by the box of every page, and leaves a word out.
await page.keyboard.press("/");
await page.keyboard.type("自動販売機");
await page.keyboard.press("Enter");
await page.waitForURL(/\/search\?q=/);
const found = await texts(".card.wide h2");
await page.click(".card.wide .tag >> nth=0");
await page.waitForURL(/tag/);
const tagged = { titles: await texts(".card.wide h2"), chips: await texts(".chip .one") };
await page.selectOption("#sort", "oldest");
await page.waitForURL(/sort=oldest/);
await page.click(".chip a");
await page.waitForURL((url) => !url.search.includes("tag"));
const everything = (await texts(".card.wide h2")).length;

await page.goto(at("/search?q=" + encodeURIComponent("自動販売機")));
await page.click(".card.wide h2 a");
await page.waitForURL(/\/watch\//);
await page.fill("#comment-text", "0:02 ここ伝説\n<b>二行目</b>");
await page.click("#say-it button.go");
await page.waitForURL(/#c-/);
await page.click(".reply > summary");
await page.fill(".reply textarea", "yes");
await page.click(".reply[open] button");
await page.waitForSelector(".cmt .cmt");
await page.click("button[aria-label^='Vote up']");
await page.waitForSelector("button[aria-label='Vote up, 1 votes'][aria-pressed=true]");
const said = await texts(".cmt p.text");
await page.waitForSelector("section.player[data-state=ready]");
await page.fill("#dm-text", "8888");
await page.selectOption("#dm-place", "top");
await page.click("#dm-say button");
await page.waitForFunction(() => document.querySelector("#danmaku-count")?.textContent === "1");
await page.click("a[data-seek]");
await page.waitForFunction(() => document.querySelector("video").currentTime >= 1.9);
const watch = page.url().split("#")[0];
// Typing goes on while others say something.
await page.fill("#comment-text", "half a sentence");
await page.evaluate(async (href) => {
  const say = (text) => fetch(href, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ text }) });
  await say("from elsewhere");
}, "/api/v1/videos/" + watch.split("/").pop() + "/comments");
await page.waitForFunction(() => document.querySelectorAll(".talk > .cmt").length === 2);
const typed = await page.inputValue("#comment-text");
await page.click(".talk > .cmt:last-of-type button[value=erase]");
await page.waitForFunction(() => document.querySelector(".talk").textContent.includes("Taken back"));
const after = await texts(".talk .cmt p.text, .talk .cmt p.dim");

// Keeps it, finds it again, and lets it go.
await page.click("button[name=do][value=add]");
await page.waitForSelector("button[value=drop][aria-pressed=true]");
await page.click(".acct a[href='/library']");
await page.waitForURL(at("/library"));
const keptHere = await texts(".card h2");
const shelf = await takeShots(page, options.shots, {
  favourites: at("/library"),
  watched: at("/library?of=history"),
});
await page.goto(at("/library"));
await page.click(".card button[value=drop]");
await page.waitForSelector("text=Nothing yet");

// Follows a tag, sees what is new of it, and follows it no more.
await page.goto(at("/search?q=" + encodeURIComponent("tag:音MAD") + "&sort=added"));
await page.click("button[value=follow]");
await page.waitForSelector("button[value=unfollow][aria-pressed=true]");
await page.goto(at("/following"));
const followed = { fresh: await texts(".card h2"), words: await texts(".rows h3") };
shelf.push(...(await takeShots(page, options.shots, { following: at("/following") })));
await page.goto(at("/following"));
await page.click("button[value=unfollow]");
await page.waitForSelector("text=You follow nothing yet");

// Hides it as a moderator, and shows it again.
await page.goto(watch);
await page.click("#hide > summary");
await page.fill("#hide input[name=reason]", "its author asked");
await page.click("#hide button[value=hide]");
await page.waitForSelector("text=Hidden by 豆狸:");
shelf.push(...(await takeShots(page, options.shots, { hidden: watch, log: at("/moderate/log"), measures: at("/moderate/measures") })));
await page.goto(watch);
await page.click("button[value=show]");
await page.waitForSelector("#hide > summary");

const shots = await takeShots(page, options.shots, {
  browse: at("/search"),
  search: at("/search?q=" + encodeURIComponent("自動販売機 -実況")),
  nothing: at("/search?q=nothing+at+all"),
  talk: watch,
  account: at("/account"),
  people: at("/people"),
  settings: at("/settings"),
  lines: at("/settings/log"),
  home: at("/"),
  archive: at("/archive"),
  nodes: at("/nodes"),
  sites: at("/sites"),
  creator: at("/creators/niconico/12"),
  privacy: at("/pages/privacy"),
  write: at("/pages/about?edit=1"),
});
await page.goto(at("/account"));
await page.click("text=Log out");
await page.waitForURL(at("/"));
const out = await texts(".acct a");
shots.push(...shelf, ...(await takeShots(page, options.shots, { login: at("/login"), "sign-up": at("/sign-up") })));
// The page of the failed password is the only one that says no.
const httpErrors = seen.httpErrors.filter(({ url }) => !url.endsWith("/sign-up"));
const consoleErrors = seen.consoleErrors.filter(({ text }) => !text.includes("status of 400"));
console.log(
  JSON.stringify({
    keptHere, followed, refused, kept, account, found, tagged, everything, said, typed, after, out, shots, httpErrors, consoleErrors,
    pageErrors: seen.pageErrors, cspViolations: seen.cspViolations,
  }),
);
await browser.close();
