// Keeps `#live` as the server sees it: an event it is about fetches the fragment again, at most twice a second, and
// the page is changed in place.

import { morph } from "./morph";

const GAP_MS = 500;
const RETRY_MS = 5_000;
const SPEAK_MS = 10_000;
/** What most pages show; `data-events` names what another one shows. */
const EVENTS = "tools request job video";

export function startLive(): void {
  const live = document.querySelector<HTMLElement>("#live");
  const address = live?.dataset["live"];
  if (!live || !address) return;
  const refresh = throttled(() => update(live, address));
  document.addEventListener("horahora:stale", refresh);
  listen((live.dataset["events"] ?? EVENTS).split(" "), refresh);
}

/** Runs one call at a time, `GAP_MS` apart; a call during a run is made up for afterwards. */
function throttled(run: () => Promise<void>): () => void {
  let wanted = false;
  let busy = false;
  const turn = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    while (wanted) {
      wanted = false;
      await run();
      await new Promise((done) => setTimeout(done, GAP_MS));
    }
    busy = false;
  };
  return () => {
    wanted = true;
    void turn();
  };
}

/** A hidden page gives its connection back: a browser allows six to one host, and there may be many tabs. */
function listen(events: string[], refresh: () => void): void {
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let known = true;
  const open = (): void => {
    source?.close();
    clearTimeout(retry);
    source = new EventSource("/api/v1/events");
    // The page is as old as its first connection; what was missed in between is fetched once it is back.
    source.onopen = () => {
      if (!known) refresh();
      known = true;
    };
    for (const name of events) source.addEventListener(name, refresh);
    source.onerror = () => {
      known = false;
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_MS);
    };
  };
  const close = (): void => {
    source?.close();
    clearTimeout(retry);
    known = false;
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => {
    if (event.persisted && !document.hidden) open();
  });
  if (!document.hidden) open();
  else known = false;
}

async function update(live: HTMLElement, address: string): Promise<void> {
  const url = new URL(address, location.href);
  // An older page of a list stays on its page.
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (!url.searchParams.has(name)) url.searchParams.set(name, value);
  }
  let html: string;
  try {
    const answer = await fetch(url, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    html = await answer.text();
  } catch {
    return; // The event source notices, too, and refreshes when the node is back.
  }
  const fresh = new DOMParser().parseFromString(`<body>${html}</body>`, "text/html").body;
  for (const part of fresh.querySelectorAll<HTMLTemplateElement>("template[data-for]")) {
    part.remove();
    const place = document.getElementById(part.dataset["for"] ?? "");
    if (place) morph(place, part.content);
  }
  morph(live, fresh);
  speak();
  document.dispatchEvent(new CustomEvent("horahora:live"));
}

let spoken = sayable()?.dataset["say"];
let spokenAt = -SPEAK_MS;
let waiting: ReturnType<typeof setTimeout> | undefined;

/** Says the page's sentence when its state is another one, not each time a number moves. */
function speak(): void {
  if (sayable()?.dataset["say"] === spoken || waiting !== undefined) return;
  waiting = setTimeout(() => {
    waiting = undefined;
    const now = sayable();
    const region = document.querySelector("#say");
    if (!now || !region || now.dataset["say"] === spoken) return;
    spoken = now.dataset["say"];
    spokenAt = performance.now();
    region.textContent = now.textContent;
  }, Math.max(0, spokenAt + SPEAK_MS - performance.now()));
}

function sayable(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-say]");
}
