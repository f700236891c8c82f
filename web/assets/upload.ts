// Sends a file in pieces that survive a broken line, and offers pictures of it to choose from.

import { Upload } from "tus-js-client";

import { LANGUAGE, word } from "./words";

const PIECE_BYTES = 32 << 20;
const RETRIES_MS = [0, 1_000, 3_000, 5_000, 10_000, 30_000, 60_000];
/** Where in the film the pictures are that can be chosen. */
const PLACES = [0.1, 0.3, 0.5, 0.7, 0.9];
const PICTURE_WIDTH = 1280;

const form = document.querySelector<HTMLFormElement>("#upload");
if (form) start(form);

function start(form: HTMLFormElement): void {
  const find = <E extends Element>(selector: string): E => {
    const found = form.querySelector<E>(selector);
    if (!found) throw new Error(`the form lacks ${selector}`);
    return found;
  };
  const file = find<HTMLInputElement>("input[name=file]");
  const drop = find<HTMLElement>("#drop");
  const title = find<HTMLInputElement>("input[name=title]");
  const hold = find<HTMLButtonElement>("#hold");
  const said = find<HTMLElement>("#upload-said");
  let sending: Sending | undefined;
  let published = false;

  const take = (chosen: File): void => {
    sending?.stop();
    published = false;
    if (!title.value.trim()) title.value = chosen.name.replace(/\.[^.]*$/, "").replaceAll("_", " ");
    find<HTMLElement>("#chosen").textContent = chosen.name;
    find<HTMLElement>("#coming").hidden = false;
    hold.textContent = word("hold");
    hold.hidden = false;
    sending = new Sending(chosen, find("#came"), find("#came-words"), () => {
      hold.hidden = true;
      if (published) location.assign("/upload");
    });
    void offerFrames(chosen, find("#frames"));
  };
  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    if (chosen) take(chosen);
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("on", name === "dragover");
    });
  }
  drop.addEventListener("drop", (event) => {
    const dropped = event.dataTransfer?.files;
    if (!dropped?.[0]) return;
    file.files = dropped;
    take(dropped[0]);
  });
  hold.addEventListener("click", () => {
    const goes = sending?.toggle();
    hold.textContent = word(goes ? "hold" : "goOn");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const now = sending;
    if (!now) return;
    said.textContent = "";
    void publish(form, now).then(
      () => {
        published = true;
        if (now.done) location.assign("/upload");
        else said.textContent = word("publishedLater");
      },
      (error: unknown) => {
        said.textContent = error instanceof Error ? error.message : String(error);
      },
    );
  });
  addEventListener("beforeunload", (event) => {
    if (sending && !sending.done) event.preventDefault();
  });
}

/** One file on its way. */
class Sending {
  done = false;
  private running = true;
  private readonly upload: Upload;
  private readonly begun: Promise<string>;

  constructor(file: File, bar: HTMLProgressElement, words: HTMLElement, whenDone: () => void) {
    let begin: (url: string) => void;
    let fail: (error: Error) => void;
    this.begun = new Promise((resolve, reject) => ([begin, fail] = [resolve, reject]));
    this.begun.catch(() => undefined);
    this.upload = new Upload(file, {
      endpoint: "/api/v1/uploads",
      chunkSize: PIECE_BYTES,
      retryDelays: RETRIES_MS,
      headers: LANGUAGE,
      metadata: { filename: file.name },
      removeFingerprintOnSuccess: true,
      onUploadUrlAvailable: () => begin(this.upload.url ?? ""),
      onProgress: (sent, total) => {
        bar.value = total ? sent / total : 1;
        words.textContent = word("someHere", { sent: size(sent), total: size(total) });
      },
      onSuccess: () => {
        this.done = true;
        bar.value = 1;
        words.textContent = word("allHere");
        whenDone();
      },
      onError: (error) => {
        words.textContent = told(error);
        fail(new Error(words.textContent));
      },
    });
    void this.upload.findPreviousUploads().then((earlier) => {
      if (earlier[0]) this.upload.resumeFromPreviousUpload(earlier[0]);
      this.upload.start();
    });
  }

  /** Its address, once it has one. */
  address(): Promise<string> {
    return this.begun;
  }

  stop(): void {
    void this.upload.abort();
  }

  /** Whether it goes on now. */
  toggle(): boolean {
    this.running = !this.running;
    if (this.running) this.upload.start();
    else void this.upload.abort();
    return this.running;
  }
}

/** What the node answered, in its words. */
function told(error: unknown): string {
  const response = error && typeof error === "object" && "originalResponse" in error ? error.originalResponse : null;
  const body = response && typeof response === "object" && "getBody" in response ? String((response.getBody as () => string)()) : "";
  try {
    const read: unknown = JSON.parse(body);
    if (read && typeof read === "object" && "message" in read) return String(read.message);
  } catch {
    // It did not answer.
  }
  return word("noNode");
}

async function publish(form: HTMLFormElement, sending: Sending): Promise<void> {
  const fields = new FormData(form);
  const address = await sending.address();
  const picture = await chosenPicture(form);
  if (picture) await send(`${address}/thumbnail`, "PUT", picture.type, picture);
  const text = (name: string): string => String(fields.get(name) ?? "");
  const tags = text("tags").split(/[,、\n]/);
  const words = { title: text("title"), description: text("description"), tags, group: text("group") };
  await send(address, "POST", "application/json", JSON.stringify(words));
}

async function send(address: string, method: string, type: string, body: BodyInit): Promise<void> {
  const answer = await fetch(address, { method, headers: { "content-type": type, ...LANGUAGE }, body });
  if (answer.ok) return;
  const read: unknown = await answer.json().catch(() => null);
  const said = read && typeof read === "object" && "message" in read ? String(read.message) : answer.statusText;
  throw new Error(said);
}

/** One's own picture before one of the film's; none leaves it to the node. */
async function chosenPicture(form: HTMLFormElement): Promise<Blob | undefined> {
  const own = form.querySelector<HTMLInputElement>("input[name=thumbnail]")?.files?.[0];
  if (own) return own;
  const canvas = form.querySelector<HTMLInputElement>("input[name=frame]:checked")?.parentElement?.querySelector("canvas");
  if (!canvas) return undefined;
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? undefined), "image/jpeg", 0.9));
}

/** Pictures of the film to choose from, where this browser can read it. */
async function offerFrames(file: File, box: HTMLElement): Promise<void> {
  for (const old of [...box.children].slice(1)) old.remove();
  box.hidden = true;
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  const source = URL.createObjectURL(file);
  try {
    await event(video, "loadeddata", () => (video.src = source));
    if (!video.videoWidth || !Number.isFinite(video.duration)) return;
    for (const place of PLACES) {
      await event(video, "seeked", () => (video.currentTime = video.duration * place));
      box.append(frame(video, place));
      box.hidden = false;
    }
  } catch {
    // A film that this browser cannot read gets its picture on the node.
  } finally {
    URL.revokeObjectURL(source);
    video.removeAttribute("src");
  }
}

function frame(video: HTMLVideoElement, place: number): HTMLElement {
  const canvas = document.createElement("canvas");
  canvas.width = Math.min(video.videoWidth, PICTURE_WIDTH);
  canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
  canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
  const radio = document.createElement("input");
  radio.type = "radio";
  radio.name = "frame";
  radio.value = String(place);
  radio.setAttribute("aria-label", word("pictureAt", { percent: Math.round(place * 100) }));
  const label = document.createElement("label");
  label.append(radio, canvas);
  return label;
}

function event(video: HTMLVideoElement, name: string, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    video.addEventListener(name, () => resolve(), { once: true });
    video.addEventListener("error", () => reject(new Error("it cannot be read")), { once: true });
    begin();
  });
}

function size(bytes: number): string {
  const steps: [number, string, number][] = [
    [1e9, "GB", 2],
    [1e6, "MB", 1],
    [1e3, "kB", 0],
  ];
  const [unit, name, digits] = steps.find(([unit]) => bytes >= unit) ?? [1, "B", 0];
  return `${(bytes / unit).toFixed(digits)} ${name}`;
}
