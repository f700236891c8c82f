// Changes a part of the page into a fresh version of it and leaves alone what is the same: focus, selection,
// open <details>, pictures and turning spinners stay as they are.

export function morph(place: Element, fresh: ParentNode & Node): void {
  const focused = document.activeElement;
  children(place, fresh);
  // A row that moved lost the focus on its way.
  if (focused?.id && focused !== document.activeElement) {
    const again = document.getElementById(focused.id);
    if (again && place.contains(again)) again.focus({ preventScroll: true });
  }
}

function children(place: Node, fresh: Node): void {
  const wanted = new Set<string>();
  for (const node of fresh.childNodes) if (id(node)) wanted.add(id(node));
  const known = new Map<string, ChildNode>();
  for (const node of Array.from(place.childNodes)) {
    const name = id(node);
    if (name === "") continue;
    if (wanted.has(name)) known.set(name, node);
    else node.remove();
  }
  let at: ChildNode | null = place.firstChild;
  for (const next of Array.from(fresh.childNodes)) {
    const old = known.get(id(next));
    if (old && old.nodeName === next.nodeName) {
      if (old === at) at = at.nextSibling;
      else place.insertBefore(old, at);
      patch(old, next);
    } else if (at && id(at) === "" && id(next) === "" && at.nodeName === next.nodeName) {
      const here = at;
      at = at.nextSibling;
      patch(here, next);
    } else {
      place.insertBefore(document.importNode(next, true), at);
    }
  }
  while (at) {
    const rest: ChildNode | null = at.nextSibling;
    at.remove();
    at = rest;
  }
}

function patch(old: Node, next: Node): void {
  if (old instanceof Element && next instanceof Element) {
    if (old.isEqualNode(next)) return;
    attributes(old, next);
    children(old, next);
  } else if (old.nodeValue !== next.nodeValue) {
    old.nodeValue = next.nodeValue;
  }
}

function attributes(old: Element, next: Element): void {
  // Whether <details> is open and what is typed belongs to the reader.
  const kept = (name: string): boolean => (name === "open" && old.nodeName === "DETAILS") || (name === "value" && old.matches("input:not([type=hidden])"));
  for (const { name } of Array.from(old.attributes)) {
    if (!next.hasAttribute(name) && !kept(name)) old.removeAttribute(name);
  }
  for (const { name, value } of Array.from(next.attributes)) {
    if (old.getAttribute(name) !== value && !kept(name)) old.setAttribute(name, value);
  }
}

function id(node: Node): string {
  return node instanceof Element ? node.id : "";
}
