// Brings a page to life: times in the reader's zone, figures that stay fresh, what happens as it is stored.
// Whatever fails here leaves a page that was complete without it.

import { keepFresh } from "./fragments.js";
import { follow } from "./live.js";
import { closeMenus } from "./menus.js";
import { scarce } from "./scarce.js";
import { stream } from "./stream.js";
import { localise } from "./times.js";

localise(document);

const page = document.querySelector("[data-live]");
if (page) {
  const bring = "scarce" in page.dataset ? scarce : transactions;
  bring(page, document.querySelectorAll("[data-fragment]"), document.getElementById("connection"));
}

// A page about what no stream tells asks every few seconds; the sign says whether it was answered.
const polled = document.querySelector("[data-polled]");
if (polled) {
  const pace = { soonestMs: 1_000, latestMs: 2_500, awayMs: 2_500 };
  keepFresh(document.querySelectorAll("[data-fragment]"), document.getElementById("connection"), pace).connection("live");
}

closeMenus(document);

function transactions(page, parts, sign) {
  const rows = document.getElementById("stream");
  const shown = rows ? stream(rows) : null;
  const fresh = keepFresh(parts, sign);
  const on = {
    transaction(transaction) {
      if (shown) shown.add(transaction);
      fresh.soon();
    },
    skipped() {
      if (shown) shown.reload();
      fresh.soon();
    },
  };
  follow(page.dataset.live, page.dataset.liveAfter, on, fresh.connection);
}
