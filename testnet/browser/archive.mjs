// Logs in, asks for a source on the archive page, and follows the request until it names a video.

export async function logIn(page, login) {
  await page.goto(login.href);
  // A link in a chat gets opened by robots, so the page may ask for one press before it spends the token.
  const confirm = page.locator("main form button").first();
  if (new URL(page.url()).pathname === login.pathname && (await confirm.count())) {
    await Promise.all([page.waitForURL((url) => url.pathname !== login.pathname), confirm.click()]);
  }
}

export async function archive(page, origin, source, timeout) {
  await page.goto(new URL("/archive", origin).href);
  const field = page.locator("#url");
  await field.waitFor({ timeout: 15_000 }).catch(() => {
    throw new Error(`the archive page has no #url (now at ${page.url()}): is the login link used up?`);
  });
  const before = await page.locator('main .rows a[href*="/watch/"]').evaluateAll((links) => links.map((link) => link.href));
  const rowsBefore = await page.locator("main .rows > li").count();
  await field.fill(source);
  await field.press("Enter");
  await confirmIfAsked(page, rowsBefore);

  await page.waitForFunction(showsProgress, null, { timeout }).catch(() => {
    throw new Error("no row of a request ever showed a bar, a busy state or a video");
  });
  const found = await page.waitForFunction(newVideo, { before, source }, { timeout }).catch(async () => {
    throw new Error(`no row named a video to watch; the rows say: ${JSON.stringify(await rowTexts(page))}`);
  });
  return found.jsonValue();
}

// A page may show what the link is and ask once more before it requests it. A source that is known already
// brings neither a question nor a new row; what the rows say then decides.
async function confirmIfAsked(page, rowsBefore) {
  const request = page.getByRole("button", { name: /^Request/ }).first();
  const moreRows = (count) => document.querySelectorAll("main .rows > li").length > count;
  await Promise.any([
    request.waitFor({ timeout: 30_000 }),
    page.waitForFunction(moreRows, rowsBefore, { timeout: 30_000 }),
  ]).catch(() => {});
  if (await request.isVisible()) await request.click();
}

async function rowTexts(page) {
  const texts = await page.locator("main .rows > li").allInnerTexts();
  return texts.map((text) => text.replace(/\s+/g, " ").slice(0, 200));
}

// Runs inside the page.
function showsProgress() {
  return [...document.querySelectorAll("main .rows > li")].some(
    (row) => [...row.querySelectorAll(".bar rect")].some((bar) => Number(bar.getAttribute("width")) > 0)
      || row.querySelector('.state.busy, .state.ok, a[href*="/watch/"]'),
  );
}

// Runs inside the page: a link that was not there before, or one in a row that names the source itself.
function newVideo({ before, source }) {
  const id = source.replace(/[?#].*$/, "").split("/").filter(Boolean).at(-1);
  for (const row of document.querySelectorAll("main .rows > li")) {
    const link = row.querySelector('a[href*="/watch/"]');
    if (link && (!before.includes(link.href) || row.innerHTML.includes(source) || row.textContent.includes(id))) return link.href;
  }
  return null;
}
