// Says something over the picture, at the moment that is shown.

import type { Player } from "../player";
import type { Comment } from "./comments";
import { LANGUAGE, word } from "../../words";

interface Refusal {
  message?: string;
}

export function startSaying(player: Player, form: HTMLFormElement, href: string, add: (said: Comment) => void): void {
  const text = form.querySelector<HTMLInputElement>("#dm-text");
  const place = form.querySelector<HTMLSelectElement>("#dm-place");
  const colour = form.querySelector<HTMLInputElement>("#dm-colour");
  const said = form.querySelector<HTMLElement>("#dm-said");
  if (!text || !place || !colour || !said) return;
  // Enter in the player begins to say something.
  player.section.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target !== player.section) return;
    event.preventDefault();
    text.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });

  async function send(): Promise<void> {
    if (!text || !place || !colour || !said) return;
    const words = text.value.trim();
    if (words === "") return;
    const comment: Comment = {
      t_ms: Math.floor(player.video.currentTime * 1000),
      text: words,
      colour: colour.value,
      place: place.value as Comment["place"],
      size: "medium",
      user: "",
      commands: [{ scroll: "naka", top: "ue", bottom: "shita" }[place.value] ?? "naka", colour.value],
    };
    const body = { at_ms: comment.t_ms, text: words, colour: parseInt(colour.value.slice(1), 16), place: comment.place };
    try {
      const answer = await fetch(href, {
        method: "POST",
        headers: { "content-type": "application/json", ...LANGUAGE },
        body: JSON.stringify(body),
      });
      if (answer.ok) {
        text.value = "";
        said.textContent = "";
        add(comment);
      } else {
        said.textContent = ((await answer.json()) as Refusal).message ?? word("saidRefused");
      }
    } catch {
      said.textContent = word("saidNotSent");
    }
  }
}
