// Drives a real Chromium through what a person does: log in, paste a link, see it arrive, watch it.
// Prints one JSON object with everything seen; ends with 1 and says why when something is missing.

import { chromium } from "playwright-core";

import { archive, logIn } from "./archive.mjs";
import { readOptions } from "./options.mjs";
import { record } from "./recorder.mjs";
import { takeShots } from "./shots.mjs";
import { watch } from "./watch.mjs";

const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

const report = { ok: false, problems: [] };
const options = read();
// Every wait below has its own end; this one is for what nobody thought of.
setTimeout(() => finish(`the whole run took longer than ${options.deadlineMs / 1000} s`), options.deadlineMs).unref();

try {
  await run();
  finish();
} catch (error) {
  finish(error.message.split("\n")[0]);
}

async function run() {
  // A launch without a profile gets a fresh one that goes away with the browser.
  const browser = await chromium.launch({ executablePath: options.chromium, args: ARGUMENTS });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    report.seen = await record(page);
    const origin = options.login.origin;
    await logIn(page, options.login);
    const url = await archive(page, origin, options.source, options.deadlineMs);
    // What comes later are visits for the screenshots.
    report.progress = report.seen.rows.splice(0);
    report.watch = await watch(page, url, 60_000);
    report.shots = await takeShots(page, options.shots, { home: `${origin}/`, archive: `${origin}/archive`, watch: url });
  } finally {
    await browser.close();
  }
}

function judge() {
  const { watch: seen, seen: { consoleErrors, pageErrors, cspViolations } } = report;
  const problems = [];
  if (!seen.moved) problems.push(`the video did not play: at ${seen.currentTime} s with ${seen.frames} frames, ${seen.error ?? "no error"}`);
  if (!(seen.poster?.width > 0)) problems.push(`the poster is not there: ${JSON.stringify(seen.poster)}`);
  if (seen.tracks.length < options.subtitles) problems.push(`${seen.tracks.length} text tracks instead of ${options.subtitles}`);
  if (options.subtitles && !seen.tracks.some((track) => track.cues > 0)) problems.push("the shown text track has no cues");
  for (const error of pageErrors) problems.push(`the page threw ${error.text} at ${error.at}`);
  for (const error of consoleErrors) problems.push(`the console says ${error.text} at ${error.at}`);
  for (const broken of cspViolations) problems.push(`the CSP stopped ${broken.blocked} (${broken.directive}) at ${broken.at}`);
  return [...new Set(problems)];
}

function read() {
  try {
    return readOptions(process.argv.slice(2), ["login", "source", "shots"]);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

function finish(problem) {
  report.problems = problem === undefined ? judge() : [problem];
  report.ok = report.problems.length === 0;
  // Both end before the exit, also when the output is a pipe.
  process.stdout.write(`${JSON.stringify(report, null, 1)}\n`, () => {
    process.stderr.write(report.problems.map((text) => `archive-and-watch: ${text}\n`).join(""), () => process.exit(report.ok ? 0 : 1));
  });
}
