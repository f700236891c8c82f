// The link form. Without script it is a plain POST; with it the page stays and the answer stands beside the field.

import { LANGUAGE, word } from "./words";

/** How long the field is left alone before the link is looked at. */
const PAUSE_MS = 250;

interface Inspected {
  kind: string;
  says: string;
}

interface Refusal {
  code?: string;
  message?: string;
}

export function startPaste(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-paste]")) {
    const field = form.querySelector<HTMLInputElement>("input[name=url]");
    const button = form.querySelector<HTMLButtonElement>("button");
    const said = form.querySelector<HTMLElement>(".said");
    if (!field || !button || !said) continue;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void send(form, field, button, said);
    });
    let timer = 0;
    field.addEventListener("input", () => {
      say(form, field, said, "", false);
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void look(form, field, said), PAUSE_MS);
    });
    // Good news covers a part of the page; it goes when the reader turns to something else.
    document.addEventListener("pointerdown", (event) => {
      const inside = event.target instanceof Node && form.contains(event.target);
      if (!inside && !form.classList.contains("err")) say(form, field, said, "", false);
    });
  }
}

/** Says what the link is: at once as far as the link tells, then as the site says. */
async function look(form: HTMLFormElement, field: HTMLInputElement, said: HTMLElement): Promise<void> {
  const url = field.value.trim();
  if (!/^https?:\/\/./.test(url)) return;
  try {
    for (const asked of ["&offline=true", ""]) {
      const answer = await fetch(`/api/v1/inspect?url=${encodeURIComponent(url)}${asked}`, { headers: LANGUAGE });
      if (!answer.ok || field.value.trim() !== url || form.classList.contains("err")) return;
      const found = (await answer.json()) as Inspected;
      say(form, field, said, found.says, false);
      // What is one video or nothing needs no more words.
      if (found.kind !== "playlist") return;
    }
  } catch {
    // It is told when it is sent.
  }
}

async function send(form: HTMLFormElement, field: HTMLInputElement, button: HTMLButtonElement, said: HTMLElement): Promise<void> {
  const url = field.value.trim();
  if (url === "" || button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/api/v1/requests", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", ...LANGUAGE },
      body: JSON.stringify({ url, group: form.querySelector<HTMLSelectElement>("select[name=group]")?.value, options: wish(form) }),
    });
    if (answer.ok) {
      field.value = "";
      say(form, field, said, word("requested"), false);
      document.dispatchEvent(new CustomEvent("horahora:stale"));
    } else {
      say(form, field, said, await reason(answer), true);
    }
  } catch {
    say(form, field, said, word("linkNotSent"), true);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** The form's options as the API takes them. A number that is none goes as it is, so that the node says what is wrong. */
function wish(form: HTMLFormElement): Record<string, unknown> {
  const said = new FormData(form);
  const text = (name: string): string => String(said.get(name) ?? "").trim();
  const number = (name: string, times = 1): number | string | null => {
    const typed = text(name);
    return typed === "" ? null : /^\d+$/.test(typed) ? Number(typed) * times : typed;
  };
  return {
    follow: said.has("follow"),
    comments: said.has("comments"),
    media: !said.has("words"),
    priority: said.get("priority") ?? "usual",
    newest: number("newest"),
    since: text("since") || null,
    title: text("title") || null,
    max_height: number("max_height"),
    max_bytes: number("max_size", 1_000_000),
  };
}

async function reason(answer: Response): Promise<string> {
  if (answer.status === 401) return word("linkLogin");
  try {
    const body = (await answer.json()) as Refusal;
    if (body.message) return body.message;
  } catch {
    // Not from our API: a proxy in between, for example.
  }
  return word("linkRefused", { status: answer.status });
}

function say(form: HTMLFormElement, field: HTMLInputElement, said: HTMLElement, text: string, wrong: boolean): void {
  form.classList.toggle("err", wrong);
  if (wrong) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  if (said.textContent !== text) said.textContent = text;
}
