// Shows moments in the reader's own zone; the server wrote them in UTC, which stays as the title.

const two = (number) => String(number).padStart(2, "0");

export function clock(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function moment(date) {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(date)}`;
}

function zone() {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(new Date());
  return parts.find((part) => part.type === "timeZoneName").value;
}

export function localise(root) {
  for (const time of root.querySelectorAll("time[data-show]")) {
    const date = new Date(time.dateTime);
    time.textContent = time.dataset.show === "clock" ? clock(date) : moment(date);
  }
  for (const tick of root.querySelectorAll("[data-utc]")) {
    tick.textContent = clock(new Date(tick.dataset.utc)).slice(0, 5);
  }
  for (const name of root.querySelectorAll("[data-zone]")) {
    name.textContent = zone();
  }
}
