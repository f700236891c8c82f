// Drives a real Chromium through what a viewer does: log in, open a video that is known already, watch it.
// Prints one JSON object with what was decoded; ends with 1 and says why when it did not play.

import { chromium } from "playwright-core";

import { logIn } from "./archive.mjs";
import { readOptions } from "./options.mjs";
import { record } from "./recorder.mjs";
import { takeShots } from "./shots.mjs";
import { watch } from "./watch.mjs";

const options = readOptions(process.argv.slice(2), ["login", "path"]);
const origin = options.login.origin;
const url = `${origin}${options.path}`;
const browser = await chromium.launch({ executablePath: options.chromium, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
const report = {};
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  report.seen = await record(page);
  await logIn(page, options.login);
  report.watch = await watch(page, url, options.deadlineMs);
  if (options.shots) {
    report.shots = await takeShots(page, options.shots, { nodes: `${origin}/nodes`, home: `${origin}/`, watch: url });
  }
} catch (error) {
  report.problem = error.message.split("\n")[0];
} finally {
  await browser.close();
}
const { pageErrors = [], consoleErrors = [], cspViolations = [] } = report.seen ?? {};
report.ok = Boolean(report.watch?.moved) && [pageErrors, consoleErrors, cspViolations].every((all) => all.length === 0);
process.stdout.write(`${JSON.stringify(report, null, 1)}\n`, () => process.exit(report.ok ? 0 : 1));
