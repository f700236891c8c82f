// The link form. Without script it is a plain POST; with it the page stays and the answer stands beside the field.

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
    field.addEventListener("input", () => say(form, field, said, "", false));
    // Good news covers a part of the page; it goes when the reader turns to something else.
    document.addEventListener("pointerdown", (event) => {
      const inside = event.target instanceof Node && form.contains(event.target);
      if (!inside && !form.classList.contains("err")) say(form, field, said, "", false);
    });
  }
}

async function send(form: HTMLFormElement, field: HTMLInputElement, button: HTMLButtonElement, said: HTMLElement): Promise<void> {
  const url = field.value.trim();
  if (url === "" || button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/api/v1/requests", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ url, group: form.querySelector<HTMLSelectElement>("select[name=group]")?.value }),
    });
    if (answer.ok) {
      field.value = "";
      say(form, field, said, "Requested.", false);
      document.dispatchEvent(new CustomEvent("horahora:stale"));
    } else {
      say(form, field, said, await reason(answer), true);
    }
  } catch {
    say(form, field, said, "Not sent: the node did not answer. Your link is still in the field.", true);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

async function reason(answer: Response): Promise<string> {
  if (answer.status === 401) return "Archiving needs a login. The node printed a login link when it started.";
  try {
    const body = (await answer.json()) as Refusal;
    if (body.message) return body.message;
  } catch {
    // Not from our API: a proxy in between, for example.
  }
  return `The node refused it (HTTP ${answer.status}). Your link is still in the field.`;
}

function say(form: HTMLFormElement, field: HTMLInputElement, said: HTMLElement, text: string, wrong: boolean): void {
  form.classList.toggle("err", wrong);
  if (wrong) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  if (said.textContent !== text) said.textContent = text;
}
