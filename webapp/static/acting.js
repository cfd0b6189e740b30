// Forms act in place: what they ask for goes to the REST routes, and the page says in words what came of it.

const GIVE_UP_MS = 10_000;
// The second click of a double click takes nothing more; each tap on the heart counts.
const DOUBLE_CLICK_MS = 600;
const GOT = new Set(["taken", "held"]);

const ACTS = {
  take: { method: "POST", body: takeBody, said: takeSaid },
  like: { method: "POST", body: userBody, said: (answer) => ["liked", answer.like_count] },
  wait: { method: "POST", body: userBody, said: () => ["waiting"] },
  leave: { method: "DELETE", body: userBody, said: () => ["left"] },
  confirm: { method: "POST", body: () => null, said: () => ["confirmed"] },
  "give-back": { method: "DELETE", body: () => null, said: () => ["returned"] },
};

export function act(page, fresh) {
  const words = JSON.parse(page.dataset.words || "{}");
  const region = document.getElementById("said");
  let took = { question: "", at: 0 };
  const keys = new Map(); // what a form asked for: the key it was sent with, while no answer has come

  page.addEventListener("submit", async (event) => {
    const form = event.target;
    const doing = ACTS[form.dataset.act];
    if (!doing || !whoActs(page)) return;
    event.preventDefault();
    const body = doing.body(form, whoActs(page));
    const question = `${doing.method} ${form.dataset.url} ${JSON.stringify(body)}`;
    const isDouble = question === took.question && event.timeStamp - took.at < DOUBLE_CLICK_MS;
    if (form.ariaBusy === "true" || isDouble) return;
    form.ariaBusy = "true";
    try {
      const became = await send(form, doing, body, question);
      if (GOT.has(became[0])) took = { question, at: event.timeStamp };
      say(became);
    } finally {
      form.ariaBusy = null;
    }
    await fresh.now();
  });

  async function send(form, doing, body, question) {
    if (!keys.has(question)) keys.set(question, newKey());
    const answer = await ask(form.dataset.url, doing.method, body, keys.get(question));
    if (!answer || answer.status >= 500) return ["away"];
    if (answer.status === 401) toLogin();
    keys.delete(question);
    const document_ = await answer.json().catch(() => ({}));
    return answer.ok ? doing.said(document_, form) : refusal(answer, document_, form);
  }

  function say([code, n, text]) {
    const found = words[code] ?? words.invalid;
    if (!region || !found) return;
    const line = document.createElement("p");
    line.textContent = text ?? found.text.replace("{n}", String(n ?? 1));
    region.dataset.tone = found.tone;
    region.replaceChildren(line);
  }
}

// Whom the server made the page for: another tab may act for somebody else since.
export function whoActs(page) {
  return page.querySelector("[data-me]")?.dataset.me ?? "";
}

// The log-in is over: to a new one, and back.
function toLogin() {
  location.assign(`/login?${new URLSearchParams({ next: location.pathname + location.search })}`);
}

function ask(url, method, body, key) {
  const headers = { Accept: "application/json", "Idempotency-Key": key };
  if (body) headers["Content-Type"] = "application/json";
  const options = { method, headers, signal: AbortSignal.timeout(GIVE_UP_MS) };
  if (body) options.body = JSON.stringify(body);
  return fetch(url, options).catch(() => null);
}

function userBody(_form, me) {
  return { user_id: me };
}

function takeBody(form, me) {
  const body = { user_id: me, quantity: Number(form.elements.quantity.value) };
  if (form.elements.zone) body.zone = form.elements.zone.value;
  if (form.elements.row?.value) body.row = Number(form.elements.row.value);
  return body;
}

function takeSaid(answer, form) {
  if (answer.success) return [answer.held_until ? "held" : "taken", Number(form.elements.quantity.value)];
  if (answer.reason === "not_enough" && form.elements.zone) return ["not_enough_seats"];
  return [answer.reason];
}

function refusal(answer, problem, form) {
  const wrong = problem.errors?.[0];
  if (answer.status === 429) return ["too_many_likes", answer.headers.get("Retry-After") ?? 1];
  if (form.dataset.act === "confirm" || form.dataset.act === "give-back") return ["gone"];
  if (answer.status === 404) return form.dataset.act === "leave" ? ["left"] : ["no_offer"];
  if (answer.status === 409 || wrong?.field === "Idempotency-Key") return ["key_reused"];
  return wrong?.field ? ["invalid", 1, `${wrong.field}: ${wrong.reason}`] : ["invalid"];
}

// crypto.randomUUID is only there on secure origins.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
