// The pages of scarce things: stock that falls as it is taken, holds that count down, forms that act in place.

import { act, whoActs } from "./acting.js";
import { countDown } from "./countdown.js";
import { keepFresh } from "./fragments.js";
import { follow } from "./live.js";
import { pointAtSeats } from "./seats.js";
import { showStock } from "./stock.js";

// My own doings show at once, those of a crowd at most so often; a page without a stream asks every few seconds.
const PACE = { soonestMs: 1_000, latestMs: 10_000, awayMs: 3_000 };
const MINE_MS = 150;

export function scarce(page, parts, sign) {
  const { only } = page.dataset;
  const state = tellState();
  const stock = showStock(page);
  const countdown = countDown(page, () => fresh.soon(MINE_MS));
  const fresh = keepFresh(parts, sign, PACE, () => {
    stock.again();
    countdown.again();
    state.again();
  });
  const concerns = (told) => !only || told.offer_id === only || told.offer?.offer_id === only;
  const isMine = (told) => Boolean(told.user_id) && told.user_id === whoActs(page);

  const on = {
    offer(told) {
      if (!concerns(told)) return;
      if (stock.told(told) || page.querySelector("#seat-map")) fresh.soon();
    },
    coupon(told) {
      if (!concerns(told)) return;
      stock.told(told);
      if (isMine(told)) fresh.soon(MINE_MS);
      else if (page.querySelector("#seat-map")) fresh.soon();
    },
    like: (told) => concerns(told) && fresh.soon(isMine(told) ? MINE_MS : PACE.soonestMs),
    waiting: (told) => concerns(told) && isMine(told) && fresh.soon(MINE_MS),
    skipped: () => fresh.soon(),
  };
  follow(page.dataset.live, page.dataset.liveAfter, on, fresh.connection);
  act(page, fresh);
  pointAtSeats(page, fresh);
}

// Says aloud when an offer opens, sells out or has stock again.
function tellState() {
  const words = () => document.querySelector("[data-only] .state")?.textContent ?? "";
  let last = words();
  return {
    again() {
      if (words() === last) return;
      last = words();
      document.getElementById("announce").textContent = last;
    },
  };
}
