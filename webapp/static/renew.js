// Puts a fresh copy of a part of the page in its place. A part made of `[data-part]`s is renewed piece by piece:
// a piece that says the same stays, one that is being pressed waits, and whoever types or stands in one stays there.

import { localise } from "./times.js";

const GIVE_UP_MS = 8_000;
const said = new WeakMap(); // a piece: what the server last sent for it

// Whether all of it is fresh now; rejected where the server did not answer.
export async function renew(part) {
  const answer = await fetch(part.dataset.fragment, {
    headers: { Accept: "text/html" },
    signal: AbortSignal.timeout(GIVE_UP_MS),
  });
  if (answer.status === 401) location.reload(); // the log-in is over: the page leads to a new one, and back
  if (!answer.ok) throw new Error(`${part.dataset.fragment}: ${answer.status}`);
  const text = await answer.text();
  if (part.querySelector("[data-part]")) return renewPieces(part, text);
  if (!part.contains(document.activeElement)) replace(part, text); // whoever is in there keeps their place
  return true;
}

// What was changed here since the server said it is to be said anew.
export function forget(piece) {
  if (piece) said.delete(piece);
}

function renewPieces(part, text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  const old = new Map([...part.querySelectorAll("[data-part]")].map((piece) => [piece.dataset.part, piece]));
  const pieces = [...fresh.querySelectorAll("[data-part]")];
  if (pieces.length !== old.size || pieces.some((piece) => !old.has(piece.dataset.part))) {
    part.innerHTML = text; // not the same page any more
    localise(part);
    return true;
  }
  copyData(fresh.firstElementChild, part.firstElementChild);
  return pieces.map((piece) => renewPiece(old.get(piece.dataset.part), piece)).every(Boolean);
}

function renewPiece(piece, fresh) {
  const text = fresh.innerHTML;
  if (said.get(piece) === text) return true;
  if (piece.querySelector(":active")) return false;
  said.set(piece, text);
  copyData(fresh, piece);
  const fields = [...piece.querySelectorAll("input[id], select[id]")];
  const typed = fields.filter(isTyped).map((field) => [field.id, field.value]);
  const focused = piece.contains(document.activeElement) ? document.activeElement.id : "";
  replace(piece, text);
  for (const [id, value] of typed) {
    const field = piece.querySelector(`#${CSS.escape(id)}`);
    if (field) field.value = value;
  }
  if (focused) (document.getElementById(focused) ?? headingOf(piece)).focus({ preventScroll: true });
  return true;
}

function isTyped(field) {
  if (field.type === "hidden") return false;
  if (field instanceof HTMLSelectElement) {
    return [...field.options].some((option) => option.selected !== option.defaultSelected);
  }
  return field.value !== field.defaultValue;
}

// The button that was pressed may be gone with what it did.
function headingOf(piece) {
  const heading = piece.querySelector("h2") ?? piece;
  heading.tabIndex = -1;
  return heading;
}

function copyData(from, to) {
  for (const [name, value] of Object.entries(from?.dataset ?? {})) to.dataset[name] = value;
}

function replace(part, text) {
  const opened = [...part.querySelectorAll("details[open]")].map((details) => details.id);
  const scrolled = [...part.querySelectorAll(".scroll")].map((box) => [box.scrollTop, box.scrollLeft]);
  part.innerHTML = text;
  for (const id of opened) part.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  part.querySelectorAll(".scroll").forEach((box, at) => {
    [box.scrollTop, box.scrollLeft] = scrolled[at] ?? [0, 0];
  });
  localise(part);
}
