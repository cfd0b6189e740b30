// Brings a page to life: times in the reader's zone, figures that stay fresh, the stream as it is stored.
// Whatever fails here leaves a page that was complete without it.

import { keepFresh } from "./fragments.js";
import { follow } from "./live.js";
import { stream } from "./stream.js";
import { localise } from "./times.js";

localise(document);

const page = document.querySelector("[data-live]");
if (page) {
  const rows = document.getElementById("stream");
  const shown = rows ? stream(rows) : null;
  const fresh = keepFresh(document.querySelectorAll("[data-fragment]"), document.getElementById("connection"));
  follow(page.dataset.live, page.dataset.liveAfter, {
    stored(transaction) {
      if (shown) shown.add(transaction);
      fresh.soon();
    },
    skipped() {
      if (shown) shown.reload();
      fresh.soon();
    },
    state: fresh.connection,
  });
}
