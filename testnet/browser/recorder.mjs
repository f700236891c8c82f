// Watches every page from its first moment: errors, broken CSP, rows and their bars, states of the player.

const MOST = 2000; // of each kind; a page that goes wrong in a loop must not fill the memory

export async function record(page) {
  const seen = { consoleErrors: [], pageErrors: [], cspViolations: [], httpErrors: [], rows: [], playerStates: [] };
  const add = (list, item) => {
    if (list.length < MOST && JSON.stringify(item) !== JSON.stringify(list.at(-1))) list.push(item);
  };
  page.on("console", (message) => {
    if (message.type() === "error") add(seen.consoleErrors, { text: message.text(), at: page.url() });
  });
  page.on("pageerror", (error) => add(seen.pageErrors, { text: String(error), at: page.url() }));
  page.on("response", (response) => {
    if (response.status() >= 400) add(seen.httpErrors, { status: response.status(), url: response.url() });
  });
  await page.exposeBinding("__seen", (_, kind, item) => add(seen[kind], item));
  await page.addInitScript(watchPage);
  return seen;
}

// Runs inside the page.
function watchPage() {
  document.addEventListener("securitypolicyviolation", (event) => {
    window.__seen("cspViolations", {
      directive: event.effectiveDirective, blocked: event.blockedURI, at: location.href, line: event.lineNumber,
    });
  });
  const row = (item) => ({
    title: item.querySelector("h3")?.textContent.trim() ?? "",
    states: [...item.querySelectorAll(".state")].map((state) => state.textContent.trim()),
    bars: [...item.querySelectorAll(".bar rect")].map((bar) => `${bar.getAttribute("class")} ${bar.getAttribute("width")}`),
    label: item.querySelector(".bar")?.getAttribute("aria-label") ?? null,
  });
  let waiting = false;
  const look = () => {
    waiting = false;
    const rows = [...document.querySelectorAll("main .rows > li")].map(row);
    if (rows.length) window.__seen("rows", rows);
    const state = document.querySelector("section.player")?.dataset.state;
    if (state) window.__seen("playerStates", state);
  };
  // Mutations come in bursts; one look per frame is enough.
  const soon = () => {
    if (!waiting) requestAnimationFrame(look);
    waiting = true;
  };
  new MutationObserver(soon).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
}
