// The command line of the browser scripts: --name VALUE, and nothing clever.

const USAGE = `node browser/archive-and-watch.mjs --login URL --source URL --shots DIR
node browser/watch-here.mjs --login URL --path PATH [--shots DIR]
node browser/play.mjs --login URL --path PATH
node browser/groups.mjs --login URL --other URL --shots DIR
node browser/people.mjs --login URL --shots DIR
node browser/lighthouse.mjs --login URL --path PATH
node browser/members.mjs --login URL --film FILE --code CODE --shots DIR
  --login URL            the one-time login link that the node printed
  --other URL            the same of the second node
  --source URL           what to archive
  --path PATH            the watch page of a video that is known already
  --film FILE            what somebody sends from their device
  --code CODE            an invitation for a second person
  --shots DIR            where the screenshots go
  --expect-subtitles N   how many text tracks the video must have
  --deadline SECONDS     for the whole run (default 240)
  --chromium PATH        the browser (default /usr/bin/chromium)`;

const DEFAULTS = { "expect-subtitles": "0", deadline: "240", chromium: "/usr/bin/chromium" };
const KNOWN = ["login", "other", "source", "path", "shots", "film", "code"];

export function readOptions(args, needed) {
  const given = { ...DEFAULTS };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i].replace(/^--/, "");
    if (!args[i].startsWith("--") || !(name in DEFAULTS || KNOWN.includes(name)) || args[i + 1] === undefined) {
      throw new Error(`cannot read ${args[i]}\n${USAGE}`);
    }
    given[name] = args[i + 1];
  }
  const missing = needed.filter((name) => !given[name]);
  if (missing.length) throw new Error(`--${missing[0]} is missing\n${USAGE}`);
  return {
    login: new URL(given.login),
    other: given.other && new URL(given.other),
    source: given.source,
    path: given.path,
    shots: given.shots,
    film: given.film,
    code: given.code,
    subtitles: count(given["expect-subtitles"]),
    deadlineMs: count(given.deadline) * 1000,
    chromium: given.chromium,
  };
}

function count(text) {
  if (!/^\d+$/.test(text)) throw new Error(`${text} is not a number\n${USAGE}`);
  return Number(text);
}
