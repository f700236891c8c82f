// Niconico's own way to draw comments, fetched only where there are some.

export { default } from "@xpadev-net/niconicomments";
