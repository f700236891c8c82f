// What the scripts say: the server puts the words of the page's language into `<template class="words">`.

/** A word by its name there, with `{name}` replaced. */
export function word(name: string, values: Record<string, string | number> = {}): string {
  let said: string | undefined;
  for (const place of document.querySelectorAll<HTMLElement>("template.words")) said ??= place.dataset[name];
  return (said ?? name).replace(/\{(\w+)\}/g, (_, key: string) => String(values[key] ?? ""));
}

/** Lets the API answer in the language that is shown. */
export const LANGUAGE = { "x-horahora-language": document.documentElement.lang };
