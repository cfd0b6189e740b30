// Fetches parts of the page anew from the server that rendered them, and says how fresh the page is.

import { renew } from "./renew.js";

const WORDS = {
  live: "Live",
  away: "Reconnecting…",
  stale: "Figures are stale: the server does not answer",
};

// How soon after something was stored, how late though nothing was (a window slides all the same, a stream may be
// silent), and how often while the stream is away.
const CALM = { soonestMs: 3_000, latestMs: 15_000, awayMs: 15_000 };

export function keepFresh(parts, sign, pace = CALM, renewed = () => {}) {
  let connection = "away";
  let isStale = false;
  let lastAt = performance.now();
  let dueAt = lastAt + pace.latestMs;
  let timer = setTimeout(refresh, pace.latestMs);
  let running = null;

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

  function refresh() {
    running ??= once().finally(() => (running = null));
    return running;
  }

  async function once() {
    clearTimeout(timer);
    dueAt = Infinity;
    if (!document.hidden) {
      const done = await Promise.allSettled([...parts].map(renew));
      isStale = done.some((outcome) => outcome.status === "rejected");
      show();
      renewed();
      if (done.some((outcome) => outcome.value === false)) dueAt = Math.min(dueAt, performance.now() + pace.soonestMs);
    }
    lastAt = performance.now();
    plan(Math.min(dueAt, lastAt + (connection === "live" ? pace.latestMs : pace.awayMs)));
  }

  document.addEventListener("visibilitychange", () => document.hidden || plan(performance.now()));

  return {
    soon(withinMs = pace.soonestMs) {
      const at = Math.max(performance.now(), lastAt + withinMs);
      if (at < dueAt) plan(at);
    },
    // What the page says once this is done was asked for after the call.
    async now() {
      if (running) await running;
      await refresh();
    },
    connection(state) {
      const isBack = state === "live" && sign?.dataset.state === "away";
      connection = state;
      show();
      if (isBack) plan(performance.now());
      else if (state !== "live") plan(Math.min(dueAt, performance.now() + pace.awayMs));
    },
  };
}
