// The table of what was just stored: newest on top, each once, as text and never as markup.

import { clock, localise } from "./times.js";

const GIVE_UP_MS = 8_000;
const DRAWN_EVERY_MS = 200;
const ANNOUNCED_EVERY_MS = 20_000;

export function stream(box) {
  const most = Number(box.dataset.rows);
  const known = new Set();
  let waiting = [];
  let unannounced = 0;
  let isPaused = false;
  let timer = null;

  const body = () => box.querySelector("tbody");
  const remember = () => {
    known.clear();
    for (const row of body().rows) known.add(row.dataset.eventId);
  };

  function draw() {
    timer = null;
    if (isPaused) return;
    document.getElementById("stream-empty")?.remove();
    const fresh = waiting.map((transaction) => rowOf(transaction, box.dataset.userUrl));
    waiting = [];
    body().prepend(...fresh);
    while (body().rows.length > most) {
      const last = body().rows[body().rows.length - 1];
      known.delete(last.dataset.eventId);
      last.remove();
    }
  }

  function soon() {
    if (timer === null) timer = setTimeout(draw, DRAWN_EVERY_MS);
  }

  async function reload() {
    const options = { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(GIVE_UP_MS) };
    const answer = await fetch(box.dataset.fragmentUrl, options).catch(() => null);
    if (!answer?.ok || isPaused || box.contains(document.activeElement)) return;
    box.innerHTML = await answer.text();
    localise(box);
    remember();
  }

  setInterval(() => {
    if (unannounced && !document.hidden) {
      document.getElementById("announce").textContent = `${unannounced} new transactions`;
      unannounced = 0;
    }
  }, ANNOUNCED_EVERY_MS);

  pauseButton((paused) => {
    isPaused = paused;
    if (!paused) soon();
  });
  remember();

  return {
    add(transaction) {
      if (known.has(transaction.event_id)) return;
      known.add(transaction.event_id);
      unannounced += 1;
      waiting.unshift(transaction);
      for (const dropped of waiting.splice(most)) known.delete(dropped.event_id);
      soon();
    },
    reload,
  };
}

function pauseButton(changed) {
  const button = document.getElementById("pause");
  button.hidden = false;
  button.addEventListener("click", () => {
    const paused = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Go on" : "Pause";
    changed(paused);
  });
}

function rowOf(transaction, userUrl) {
  const row = document.createElement("tr");
  row.className = "new";
  row.dataset.eventId = transaction.event_id;
  row.append(
    cell(timeOf(transaction.occurred_at), "when"),
    cell(linkTo(transaction.user_id, userUrl), "user"),
    cell(merchantOf(transaction.merchant), "merchant"),
    cell(amountOf(transaction), "right"),
  );
  return row;
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function cell(content, className) {
  const made = element("td", className);
  made.append(content);
  return made;
}

function timeOf(moment) {
  const time = element("time", "", clock(new Date(moment)));
  time.dateTime = moment;
  time.dataset.show = "clock";
  time.title = `${moment.slice(0, 19).replace("T", " ")} UTC`;
  return time;
}

function linkTo(userId, userUrl) {
  const link = element("a", "", userId);
  link.href = userUrl + encodeURIComponent(userId);
  return link;
}

function merchantOf(name) {
  return name ? document.createTextNode(name) : element("span", "none", "no merchant");
}

function amountOf(transaction) {
  return element("span", transaction.amount < 0 ? "amount negative" : "amount", transaction.amount_text);
}
