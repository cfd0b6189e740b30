// Pointing at a seat says which it is; choosing one fills in its row; another zone brings its map.
// The table below the map says the same in words.

export function pointAtSeats(page, fresh) {
  const under = () => document.getElementById("seat-under");
  let words = "";

  page.addEventListener("pointermove", (event) => {
    const seat = seatAt(event);
    if (!under()) return;
    const text = seat ? `Row ${seat.row}, number ${seat.number}` : under().dataset.empty;
    if (text !== words) under().textContent = words = text;
  });

  page.addEventListener("click", (event) => {
    const seat = seatAt(event);
    const row = document.getElementById("row");
    if (seat && row) row.value = seat.row;
  });

  page.addEventListener("change", (event) => {
    if (event.target.id === "zone") showZone(page, event.target.value, fresh);
  });
}

function showZone(page, zone, fresh) {
  for (const part of page.querySelectorAll("[data-fragment]")) {
    const address = new URL(part.dataset.fragment, location.href);
    address.searchParams.set("zone", zone);
    address.searchParams.delete("row");
    part.dataset.fragment = address.pathname + address.search;
  }
  const here = new URL(location.href);
  here.searchParams.set("zone", zone);
  here.searchParams.delete("row");
  history.replaceState(null, "", here);
  fresh.now();
}

function seatAt(event) {
  const map = event.target.closest?.("#seat-map");
  if (!map) return null;
  const box = map.getBoundingClientRect();
  // The style sheet may draw the map larger than it is described.
  const pitch = (Number(map.dataset.pitch) * box.width) / Number(map.getAttribute("width"));
  const row = Math.floor((event.clientY - box.top) / pitch) + 1;
  const number = Math.floor((event.clientX - box.left) / pitch) + 1;
  const isSeat = row >= 1 && number >= 1 && row <= Number(map.dataset.rows) && number <= Number(map.dataset.seats);
  return isSeat ? { row: row + Number(map.dataset.firstRow) - 1, number } : null;
}
