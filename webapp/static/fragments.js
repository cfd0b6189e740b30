// Fetches parts of the page anew from the server that rendered them, and says how fresh the page is.

import { localise } from "./times.js";

const SOONEST_MS = 3_000; // after something was stored
const LATEST_MS = 15_000; // though nothing was: the window slides all the same
const GIVE_UP_MS = 8_000;

const WORDS = {
  live: "Live",
  away: "Reconnecting…",
  stale: "Figures are stale: the server does not answer",
};

export function keepFresh(parts, sign) {
  let timer = setTimeout(refresh, LATEST_MS);
  let dueAt = performance.now() + LATEST_MS;
  let lastAt = performance.now();
  let connection = "away";
  let isStale = false;

  function show() {
    const state = isStale && connection === "live" ? "stale" : connection;
    if (sign && sign.dataset.state !== state) {
      sign.dataset.state = state;
      sign.textContent = WORDS[state];
    }
  }

  function plan(at) {
    clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(refresh, Math.max(0, at - performance.now()));
  }

  async function refresh() {
    dueAt = Infinity;
    if (!document.hidden) {
      const done = await Promise.allSettled([...parts].map(renew));
      isStale = done.some((outcome) => outcome.status === "rejected");
      show();
    }
    lastAt = performance.now();
    plan(Math.min(dueAt, lastAt + LATEST_MS));
  }

  document.addEventListener("visibilitychange", () => document.hidden || plan(performance.now()));

  return {
    soon() {
      const at = Math.max(performance.now(), lastAt + SOONEST_MS);
      if (at < dueAt) plan(at);
    },
    connection(state) {
      const isBack = state === "live" && sign?.dataset.state === "away";
      connection = state;
      show();
      if (isBack) plan(performance.now());
    },
  };
}

async function renew(part) {
  const answer = await fetch(part.dataset.fragment, {
    headers: { Accept: "text/html" },
    signal: AbortSignal.timeout(GIVE_UP_MS),
  });
  if (!answer.ok) throw new Error(`${part.dataset.fragment}: ${answer.status}`);
  const text = await answer.text();
  if (part.contains(document.activeElement)) return; // whoever is in there keeps their place
  const opened = [...part.querySelectorAll("details[open]")].map((details) => details.id);
  const scrolled = [...part.querySelectorAll(".scroll")].map((box) => box.scrollTop);
  part.innerHTML = text;
  for (const id of opened) part.querySelector(`#${id}`)?.setAttribute("open", "");
  part.querySelectorAll(".scroll").forEach((box, at) => (box.scrollTop = scrolled[at] ?? 0));
  localise(part);
}
