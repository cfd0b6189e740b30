// Follows the live stream. The browser comes back by itself after a cut; after an error answer it gives up,
// and then this comes back, behind the last id it saw.

const SHORTEST_MS = 500;
const LONGEST_MS = 10_000;

// `on` names what is called for each kind of event; a page hears only what it names.
export function follow(url, after, on, state) {
  let last = after;
  let wait = SHORTEST_MS;
  let source = null;
  let reopening = null;

  function open() {
    close();
    const address = new URL(url, location.href);
    if (last) address.searchParams.set("after", last);
    source = new EventSource(address);
    source.addEventListener("open", () => {
      wait = SHORTEST_MS;
      state("live");
    });
    for (const [kind, handle] of Object.entries(on)) {
      source.addEventListener(kind, (event) => {
        last = event.lastEventId || last;
        handle(JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      state("away");
      if (source.readyState === EventSource.CLOSED) {
        reopening = setTimeout(open, wait * (0.5 + Math.random() / 2));
        wait = Math.min(2 * wait, LONGEST_MS);
      }
    });
  }

  function close() {
    clearTimeout(reopening);
    source?.close();
  }

  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}
