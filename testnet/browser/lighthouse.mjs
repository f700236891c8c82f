// Lighthouse's scores of pages, on a simulated phone and a desktop, and what it found lacking. Prints one JSON list.

import { createServer } from "node:net";

import lighthouse, { desktopConfig } from "lighthouse";
import { chromium } from "playwright-core";

import { readOptions } from "./options.mjs";

const options = readOptions(process.argv.slice(2), ["login", "path"]);
setTimeout(() => {
  console.error("the deadline is over");
  process.exit(1);
}, options.deadlineMs).unref();

const port = await freePort();
const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ["--no-sandbox", `--remote-debugging-port=${port}`],
});
const seen = [];
for (const path of ["/", options.path]) {
  for (const config of [undefined, desktopConfig]) {
    const url = new URL(path, options.login).href;
    const { lhr } = await lighthouse(url, { port, output: "json", logLevel: "error" }, config);
    const scores = Object.fromEntries(Object.values(lhr.categories).map(({ id, score }) => [id, Math.round(score * 100)]));
    const weighed = Object.values(lhr.categories).flatMap(({ auditRefs }) => auditRefs.filter(({ weight }) => weight > 0));
    const lacking = weighed.map(({ id }) => lhr.audits[id]).filter(({ score }) => score !== null && score < 0.9);
    const requests = lhr.audits["network-requests"]?.details?.items ?? [];
    const bytes = requests.filter(({ resourceType }) => ["Document", "Script", "Stylesheet"].includes(resourceType));
    seen.push({
      path,
      form: config ? "desktop" : "phone",
      scores,
      kb: Math.round(bytes.reduce((sum, { transferSize }) => sum + transferSize, 0) / 1024),
      lacking: lacking.map(({ id, displayValue }) => [id, displayValue ?? ""].join(" ").trim()),
    });
  }
}
console.log(JSON.stringify(seen));
await browser.close();

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
