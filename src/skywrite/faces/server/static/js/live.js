// What goes on while a page is open: what became of a post, and how long it can be taken back.
import { API, ask } from "./api.js";
import { $ } from "./dom.js";

// One event stream for all tabs: browsers keep six connections to a server, and a stream takes one for good. The visible
// tab that holds the lock listens, and tells the others. Hidden tabs do not listen, and look when they are seen again.
export class Events {
  static KINDS = ["post.published", "post.failed", "post.held", "post.skipped", "post.cancelled"];

  // `heard` gets the number of a post of which something was heard, or null if anything may have happened unheard.
  constructor(heard) {
    this.heard = heard;
    this.channel = new BroadcastChannel("skywrite-events");
    this.channel.addEventListener("message", ({ data }) => { if (this.leaving) heard(data); });
    document.addEventListener("visibilitychange", () => this.turn());
    addEventListener("pageshow", () => this.turn());
    addEventListener("pagehide", () => this.leave());
    this.turn();
  }

  turn() { if (document.visibilityState === "visible") this.join(); else this.leave(); }

  join() {
    if (this.leaving) return;
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    const lead = () => new Promise(resolve => this.listen(signal, resolve));
    if (navigator.locks) navigator.locks.request("skywrite-events", { signal }, lead).catch(() => {}); else lead();
    this.heard(null);
  }

  leave() {
    this.leaving?.abort();
    this.leaving = null;
  }

  listen(signal, end) {
    if (signal.aborted) return end();
    const source = new EventSource(`${API}/events`);
    const tell = post => { this.heard(post); this.channel.postMessage(post); };
    signal.addEventListener("abort", () => { source.close(); end(); });
    source.addEventListener("open", () => tell(null));
    const hear = event => { try { tell(String(JSON.parse(event.data).data.id)); } catch { /* not of a post */ } };
    Events.KINDS.forEach(kind => source.addEventListener(kind, hear));
  }
}

// The page of a post shows by itself what became of it.
export function watch(root) {
  const { watch: number, state } = root.dataset;
  const look = async () => {
    const post = await ask("GET", `/posts/${number}`).catch(() => null);
    if (post && post.state !== state) location.assign(location.pathname);
  };
  const events = new Events(post => {
    if (post === null) look(); else if (post === number) location.assign(location.pathname);
  });
  document.addEventListener("submit", () => events.leave());
}

// A post that is about to go out: how long it can be taken back.
export function undo(form) {
  const ends = performance.now() + Number(form.dataset.undo) * 1000;
  const timer = setInterval(() => {
    const left = Math.ceil((ends - performance.now()) / 1000);
    $("[data-left]", form).textContent = Math.max(left, 0);
    if (left > 0) return;
    clearInterval(timer);
    if (form.contains(document.activeElement)) $("#main").focus();
    form.hidden = true;
  }, 250);
}
