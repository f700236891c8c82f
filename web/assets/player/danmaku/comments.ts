// What people wrote over the picture, and which of it is drawn.

export interface Comment {
  t_ms: number;
  text: string;
  /** `#rrggbb` */
  colour: string;
  place: "scroll" | "top" | "bottom";
  size: "small" | "medium" | "big";
  user: string;
  /** Niconico's own words on how it is drawn. */
  commands?: string[];
}

export interface Danmaku {
  /** Whether all are of Niconico, whose own look is known. */
  form: "niconico" | "plain";
  /** In the order of their times. */
  comments: Comment[];
}

export interface Settings {
  show: boolean;
  /** Percent of each: how opaque, how large, how many, how much of the picture's height. */
  opacity: number;
  size: number;
  density: number;
  area: number;
  /** Whether what many say at once is drawn once. */
  fold: boolean;
}

/** Who says the same within this time says it together. */
const TOGETHER_MS = 10_000;
const KEY = "danmaku";

export function loadSettings(): Settings {
  const usual: Settings = {
    // Who wants nothing to move reads the list.
    show: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    opacity: 85,
    size: 100,
    density: 100,
    area: 100,
    fold: true,
  };
  try {
    return { ...usual, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>) };
  } catch {
    return usual;
  }
}

export function saveSettings(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Storage may be switched off.
  }
}

/** Those that are drawn, each with the words that are drawn of it. */
export function drawn(comments: Comment[], { density, fold }: Settings): Comment[] {
  const kept = density >= 100 ? comments : comments.filter((_, at) => (at * 61) % 100 < density);
  if (!fold) return kept;
  const open = new Map<string, { comment: Comment; times: number }>();
  const folded: { comment: Comment; times: number }[] = [];
  for (const comment of kept) {
    // 888 and 88888 are the same applause.
    const words = `${comment.place} ${comment.text.trim().replace(/(.)\1{2,}/gu, "$1$1$1")}`;
    const first = open.get(words);
    if (first && comment.t_ms - first.comment.t_ms < TOGETHER_MS) {
      first.times += 1;
    } else {
      const one = { comment, times: 1 };
      open.set(words, one);
      folded.push(one);
    }
  }
  return folded.map(({ comment, times }) => (times > 1 ? { ...comment, text: `${comment.text} ×${times}` } : comment));
}
