// Holds count down, and offers open and close. The server's clock decides: its time when the page was made stands in it.

const TICK_MS = 250;
const SOON_MS = 60_000;
const ANNOUNCED_S = new Set([60, 30, 10]);

export function countDown(page, over) {
  const announced = new Map(); // a hold: the last figure that was said aloud
  const turned = new WeakMap(); // an offer: the moment that has come
  let aheadMs = 0;
  let madeAt = "";

  // How far this machine's clock is ahead of the server's.
  function compare() {
    const now = page.querySelector("[data-now]")?.dataset.now;
    if (now && now !== madeAt) {
      madeAt = now;
      aheadMs = Date.now() - Date.parse(now);
    }
  }

  function tick() {
    const now = Date.now() - aheadMs;
    for (const box of page.querySelectorAll("[data-turns]")) {
      if (Date.parse(box.dataset.turns) <= now && turned.get(box) !== box.dataset.turns) {
        turned.set(box, box.dataset.turns);
        over();
      }
    }
    for (const time of page.querySelectorAll("time[data-countdown]")) {
      show(time, Date.parse(time.dateTime) - now);
    }
  }

  function show(time, leftMs) {
    const seconds = Math.max(0, Math.ceil(leftMs / 1000));
    const box = time.closest("[data-hold]");
    write(time.previousElementSibling, leftMs > 0 ? "time left" : "");
    write(time, leftMs > 0 ? words(seconds) : "Time is up");
    box.classList.toggle("soon", leftMs > 0 && leftMs <= SOON_MS);
    const wasOver = box.classList.contains("over");
    box.classList.toggle("over", leftMs <= 0);
    for (const button of box.querySelectorAll("button")) button.disabled = leftMs <= 0;
    if (leftMs <= 0 && !wasOver) over();
    announce(box, seconds);
  }

  function announce(box, seconds) {
    const id = box.dataset.hold;
    if (!ANNOUNCED_S.has(seconds) || announced.get(id) === seconds) return;
    announced.set(id, seconds);
    const region = document.getElementById("announce");
    if (region) region.textContent = `${seconds} seconds left to confirm a hold`;
  }

  compare();
  setTimeout(tick);
  setInterval(tick, TICK_MS);
  return {
    again() {
      compare();
      tick();
    },
  };
}

function words(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
