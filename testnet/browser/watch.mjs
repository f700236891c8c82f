// Opens a video, presses play, and reports what the browser really decoded.

const VIDEO = "section.player video";

export async function watch(page, url, timeout) {
  await openPlayer(page, url, timeout);
  const seen = { url, poster: await page.evaluate(poster) };

  await page.locator('section.player button[aria-label^="Play"]').first().click();
  const moved = await page.waitForFunction(hasPlayed, VIDEO, { timeout }).then(() => true, () => false);
  Object.assign(seen, await page.evaluate(numbers, VIDEO), { moved });
  seen.tracks = await page.evaluate(tracks, VIDEO);
  if (seen.tracks.length) {
    // Waiting fails when no cue came; the tracks read afterwards say so.
    await page.waitForFunction(hasCues, VIDEO, { timeout: 15_000 }).catch(() => {});
    seen.tracks = await page.evaluate(tracks, VIDEO);
  }
  return seen;
}

// A video that is still on its way may need a later look.
async function openPlayer(page, url, timeout) {
  const end = performance.now() + timeout;
  await page.goto(url);
  while (!(await ready(page, Math.min(15_000, timeout)))) {
    if (performance.now() > end) {
      const state = await page.locator("section.player").first().getAttribute("data-state", { timeout: 1000 }).catch(() => null);
      throw new Error(`the player at ${url} never became ready (data-state: ${state})`);
    }
    await page.reload();
  }
}

async function ready(page, timeout) {
  const states = ["ready", "playing", "paused", "ended"];
  const isReady = (words) => {
    const player = document.querySelector("section.player");
    return Boolean(player?.querySelector("video")) && words.includes(player.dataset.state);
  };
  return page.waitForFunction(isReady, states, { timeout }).then(() => true, () => false);
}

// Inside the page from here on.

async function poster() {
  const player = document.querySelector("section.player");
  const src = player.querySelector("video").poster;
  const image = player.querySelector("img") ?? (src ? Object.assign(new Image(), { src }) : null);
  if (!image) return null;
  await image.decode().catch(() => {});
  return { src: image.src, width: image.naturalWidth, height: image.naturalHeight };
}

function hasPlayed(selector) {
  const video = document.querySelector(selector);
  return video && video.currentTime > 1 && video.getVideoPlaybackQuality().totalVideoFrames > 0;
}

function numbers(selector) {
  const video = document.querySelector(selector);
  const quality = video.getVideoPlaybackQuality();
  return {
    currentTime: video.currentTime, duration: video.duration, width: video.videoWidth, height: video.videoHeight,
    frames: quality.totalVideoFrames, dropped: quality.droppedVideoFrames, error: video.error?.message ?? null,
    state: document.querySelector("section.player").dataset.state,
  };
}

function tracks(selector) {
  const list = [...document.querySelector(selector).textTracks];
  // Only a shown track loads its cues.
  if (list.length && list.every((track) => track.mode !== "showing")) list[0].mode = "showing";
  return list.map((track) => ({
    label: track.label, language: track.language, kind: track.kind, mode: track.mode, cues: track.cues?.length ?? 0,
    first: track.cues?.[0]?.text ?? null,
  }));
}

function hasCues(selector) {
  return [...document.querySelector(selector).textTracks].some((track) => track.mode === "showing" && track.cues?.length > 0);
}
