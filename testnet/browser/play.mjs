// Drives a real Chromium through everything a player can do with one long video: seek, quality, sound, subtitles, danmaku,
// chapters, preview pictures, to its end; then the same description in dash.js.
// Prints one JSON object with what was seen; ends with 1 and says why when something is missing.

import { readFile } from "node:fs/promises";

import { chromium } from "playwright-core";

import { logIn } from "./archive.mjs";
import { readOptions } from "./options.mjs";
import { record } from "./recorder.mjs";
import { watch } from "./watch.mjs";

const SEEKS = 20;
const WAIT_MS = 30_000;
const options = readOptions(process.argv.slice(2), ["login", "path"]);
const origin = options.login.origin;
const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--autoplay-policy=no-user-gesture-required"],
});
const report = { problems: [] };
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  report.seen = await record(page);
  await logIn(page, options.login);
  await page.addInitScript(watchStalls);
  report.watch = await watch(page, `${origin}${options.path}`, options.deadlineMs);
  expect(report.watch.moved, "it did not play");
  await page.locator("#mute").click();
  report.first = await page.evaluate(() => window.__first);
  expect(report.first < 0.1, `the first picture shown is that of ${report.first} s`);
  report.seeks = await seek(page);
  report.heights = await changeQuality(page);
  report.sounds = await changeSound(page);
  report.subtitles = await changeSubtitles(page);
  report.danmaku = await showDanmaku(page);
  report.chapters = await turnChapters(page);
  report.preview = await preview(page);
  report.end = await toTheEnd(page);
  report.dash = await playWithDashJs(page);
} catch (error) {
  report.problems.push(error.message.split("\n")[0]);
} finally {
  await browser.close();
}
const { pageErrors = [], consoleErrors = [], cspViolations = [] } = report.seen ?? {};
for (const error of [...pageErrors, ...consoleErrors, ...cspViolations]) report.problems.push(JSON.stringify(error));
if (report.seen) delete report.seen.rows;
process.stdout.write(`${JSON.stringify(report, null, 1)}\n`, () => process.exit(report.problems.length === 0 ? 0 : 1));

function expect(holds, problem) {
  if (!holds) report.problems.push(problem);
}

/** Plays on from `at`: true once the clock went on and a new picture was shown. */
async function plays(page, what) {
  const moved = await page.evaluate(goesOn, WAIT_MS);
  expect(moved, `${what}: it does not go on`);
  return moved;
}

async function seek(page) {
  const seen = [];
  // The same points each time, in no order.
  for (let n = 1; n <= SEEKS; n += 1) {
    const { to, waited, fetched } = await page.evaluate(jump, { part: (n * 0.618034) % 1, timeout: WAIT_MS });
    await plays(page, `after the jump to ${to.toFixed(1)} s`);
    seen.push({ to, waited, fetched });
  }
  const stalls = await page.evaluate(() => window.__stalls);
  expect(stalls.length === 0, `it stalled where nobody had jumped: ${JSON.stringify(stalls)}`);
  return { seen, stalls };
}

async function changeQuality(page) {
  await page.locator("#quality > summary").click();
  const heights = await page.locator("#heights input").evaluateAll((all) => all.map((one) => Number(one.value)).filter((height) => height > 0));
  const seen = [];
  // Up, down, and far.
  for (const height of [...heights].reverse().concat(heights, heights[0], heights.at(-1), 0)) {
    await page.locator(`#heights input[value="${height}"]`).check();
    const there = await page.waitForFunction((wanted) => wanted === 0 || document.querySelector("#video").videoHeight === wanted, height, { timeout: 2 * WAIT_MS }).then(() => true, () => false);
    expect(there, `${height}p is never shown`);
    await plays(page, `at ${height}p`);
    const holes = await page.evaluate(gaps);
    expect(holes.length === 0, `at ${height}p the buffer has a hole: ${JSON.stringify(holes)}`);
    seen.push(height);
  }
  await page.locator("#quality > summary").click();
  expect(heights.length >= 3, `only ${heights} to choose from`);
  return seen;
}

async function changeSound(page) {
  const menu = page.locator("#sound > summary");
  if (!(await menu.isVisible())) return [];
  await menu.click();
  const seen = [];
  for (const at of [1, 0]) {
    await page.locator(`#sounds input[value="${at}"]`).check();
    const before = await page.evaluate(() => document.querySelector("#video").webkitAudioDecodedByteCount);
    await plays(page, `with sound ${at}`);
    const heard = await page.waitForFunction((than) => document.querySelector("#video").webkitAudioDecodedByteCount > than, before, { timeout: WAIT_MS }).then(() => true, () => false);
    expect(heard, `sound ${at} is not heard`);
    seen.push(await page.locator(`#sounds label:nth-of-type(${at + 1})`).innerText());
  }
  await menu.click();
  return seen;
}

async function changeSubtitles(page) {
  await page.locator("#cc > summary").click();
  const seen = [];
  const count = await page.locator("#cc input").count();
  for (let n = 1; n < count; n += 1) {
    await page.locator("#cc input").nth(n).check();
    const cues = await page.waitForFunction((at) => {
      const track = document.querySelectorAll("#video track")[at].track;
      return track.mode === "showing" && track.cues?.length;
    }, n - 1, { timeout: WAIT_MS }).then((found) => found.jsonValue(), () => 0);
    expect(cues > 0, `subtitles ${n} have no words`);
    seen.push(cues);
  }
  await page.locator("#cc input").first().check();
  await page.locator("#cc > summary").click();
  expect(seen.length === options.subtitles, `${seen.length} subtitles instead of ${options.subtitles}`);
  return seen;
}

async function showDanmaku(page) {
  await page.evaluate(jump, { part: 0, timeout: WAIT_MS });
  await page.evaluate(() => document.querySelector("#video").play());
  const drawn = await page.waitForFunction(() => document.querySelector("#dm-layer")?.textContent.length, undefined, { timeout: WAIT_MS }).then((found) => found.jsonValue(), () => 0);
  expect(drawn > 0, "no danmaku is drawn");
  const rows = await page.locator("#danmaku li").count();
  expect(rows > 0, "no danmaku is listed");
  await page.keyboard.press("d");
  expect(await page.locator("#dm-layer").isHidden(), "the key d does not hide danmaku");
  await page.keyboard.press("d");
  expect(await page.locator("#dm-layer").isVisible(), "the key d does not show danmaku again");
  return { drawn, rows };
}

async function turnChapters(page) {
  const starts = await page.locator("#seek [data-title]").evaluateAll((marks) => marks.map((mark) => Number(mark.dataset.at)));
  await page.keyboard.press("]");
  const now = await page.evaluate(() => document.querySelector("#video").currentTime);
  expect(starts.some((at) => at > 0 && Math.abs(at - now) < 2), `] went to ${now} s, chapters begin at ${starts}`);
  await plays(page, "in the next chapter");
  return { starts, now };
}

async function preview(page) {
  const box = await page.locator("#seek").boundingBox();
  await page.mouse.move(box.x + box.width * 0.7, box.y + box.height / 2);
  const seen = await page.evaluate(async () => {
    const shot = document.querySelector("#tip-shot");
    const src = shot.style.backgroundImage.slice(5, -2);
    const image = Object.assign(new Image(), { src });
    await image.decode().catch(() => {});
    return { words: document.querySelector("#tip-words").textContent, src, width: image.naturalWidth, hidden: shot.hidden };
  });
  expect(!seen.hidden && seen.width > 0 && /^0:2\d/.test(seen.words), `the preview shows ${JSON.stringify(seen)}`);
  await page.mouse.move(5, 5);
  return seen;
}

async function toTheEnd(page) {
  await page.evaluate(() => {
    const video = document.querySelector("#video");
    video.currentTime = video.duration - 2;
    return video.play();
  });
  await page.waitForFunction(() => document.querySelector("#player").dataset.state === "ended", undefined, { timeout: WAIT_MS }).catch(() => {});
  const seen = await page.evaluate(() => {
    const video = document.querySelector("#video");
    const quality = video.getVideoPlaybackQuality();
    return { ended: video.ended, at: video.currentTime, duration: video.duration, frames: quality.totalVideoFrames, dropped: quality.droppedVideoFrames };
  });
  expect(seen.ended && Math.abs(seen.at - seen.duration) < 0.2, `it does not get to its end: ${JSON.stringify(seen)}`);
  return seen;
}

/** Another player, on a page of our own at the node's address. */
async function playWithDashJs(page) {
  const mpd = await page.locator("#playable").getAttribute("data-mpd");
  const script = await readFile(new URL("../node_modules/dashjs/dist/modern/umd/dash.all.min.js", import.meta.url), "utf8");
  const other = await page.context().newPage();
  await other.route(`${origin}/other-player*`, (route) => {
    const body = route.request().url().endsWith(".js") ? script : '<!doctype html><video id="video" muted></video><script src="/other-player.js"></script>';
    return route.fulfill({ body, contentType: route.request().url().endsWith(".js") ? "text/javascript" : "text/html" });
  });
  await other.goto(`${origin}/other-player`);
  await other.addScriptTag({ content: `window.goesOn = ${goesOn}` });
  await other.evaluate((address) => {
    window.player = dashjs.MediaPlayer().create();
    window.player.initialize(document.querySelector("#video"), address, true);
  }, mpd);
  const moved = await other.evaluate((timeout) => window.goesOn(timeout), WAIT_MS);
  await other.evaluate(() => {
    const video = document.querySelector("#video");
    video.currentTime = video.duration - 2;
  });
  const ended = await other.waitForFunction(() => document.querySelector("#video").ended, undefined, { timeout: WAIT_MS }).then(() => true, () => false);
  const seen = await other.evaluate(() => ({ at: document.querySelector("#video").currentTime, error: document.querySelector("#video").error?.message ?? null }));
  expect(moved && ended && !seen.error, `dash.js does not play it: ${JSON.stringify({ moved, ended, ...seen })}`);
  return { moved, ended, ...seen };
}

// Inside the page from here on.

/** Notes the first picture that is shown, and each wait that no jump asked for. */
function watchStalls() {
  window.__stalls = [];
  document.addEventListener("DOMContentLoaded", () => {
    const video = document.querySelector("#video");
    if (!video) return;
    video.requestVideoFrameCallback((_, frame) => (window.__first = frame.mediaTime));
    let asked = true;
    video.addEventListener("seeking", () => (asked = true));
    video.addEventListener("playing", () => setTimeout(() => (asked = false), 200));
    video.addEventListener("waiting", () => {
      if (!asked) window.__stalls.push(video.currentTime);
    });
  });
}

/** Goes to a part of the video; how long it waited, and how long the longest fetch took meanwhile, in ms. */
async function jump({ part, timeout }) {
  const video = document.querySelector("#video");
  const to = part * (video.duration - 1);
  performance.clearResourceTimings();
  const begun = performance.now();
  const shown = new Promise((resolve) => {
    video.addEventListener("seeked", resolve, { once: true });
    setTimeout(resolve, timeout);
  });
  video.currentTime = to;
  await shown;
  const fetches = performance.getEntriesByType("resource").map((entry) => entry.duration);
  return { to, waited: performance.now() - begun, fetched: Math.max(0, ...fetches) };
}

/** Whether the clock goes on and another picture is shown, within so many ms. */
function goesOn(timeout) {
  const video = document.querySelector("#video");
  const from = video.currentTime;
  video.play().catch(() => {});
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), timeout);
    const look = (_, frame) => {
      if (frame.mediaTime > from + 0.2 || video.ended) resolve(true);
      else video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  });
}

/** Holes in what is buffered, wider than a frame. */
function gaps() {
  const { buffered } = document.querySelector("#video");
  const found = [];
  for (let n = 1; n < buffered.length; n += 1) {
    const hole = [buffered.end(n - 1), buffered.start(n)];
    if (hole[1] - hole[0] > 0.05) found.push(hole);
  }
  return found;
}
