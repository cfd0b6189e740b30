// The stock of offers as it is told: of two tellings the one with the higher revision is right.

import { forget } from "./renew.js";

const count = new Intl.NumberFormat("en");

export function showStock(page) {
  const known = new Map(); // offer: { revision, remaining }

  const boxOf = (offerId) => page.querySelector(`[data-offer="${CSS.escape(offerId)}"]`);

  function show(offerId) {
    const box = boxOf(offerId);
    const figure = box?.querySelector("[data-stock]");
    const { revision, remaining } = known.get(offerId);
    if (!figure || Number(figure.dataset.revision) >= revision) return;
    figure.dataset.revision = revision;
    figure.textContent = count.format(remaining);
    const total = Number(box.dataset.total);
    const width = total ? Math.min(100, (remaining * 100) / total) : 0;
    box.querySelector("[data-stock-bar]")?.setAttribute("width", `${width.toFixed(2)}%`);
    forget(figure.closest("[data-part]"));
  }

  return {
    // Whether the page must be asked for anew: its words change, not only its figures.
    told(told) {
      const { offer_id: offerId, remaining_stock: remaining, stock_revision: revision } = told;
      if (remaining == null || revision == null) return !told.refused || Boolean(told.seats_made);
      if (!(known.get(offerId)?.revision >= revision)) known.set(offerId, { revision, remaining });
      show(offerId);
      const state = boxOf(offerId)?.dataset.state;
      return state !== undefined && state !== (remaining ? "open" : "sold_out");
    },
    // After a part of the page came anew, it may be older than what was told meanwhile.
    again() {
      for (const offerId of known.keys()) show(offerId);
    },
  };
}
