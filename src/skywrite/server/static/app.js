// Everything that forms and links alone cannot do. Pages work without it; it only writes text, never markup.
const $ = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

export function say(text, trouble = false) {
  const place = $("[data-said]");
  if (!place) return;
  const line = document.createElement("p");
  line.textContent = text;
  line.classList.toggle("trouble", trouble);
  place.replaceChildren(line);
}

// The plan: drag a post to a day or a slot; Alt with arrows moves it by a quarter of an hour or a day.
function plan(root) {
  const form = $("[data-move]");
  const move = (id, at) => {
    form.elements.id.value = id;
    form.elements.at.value = at;
    form.elements.at.value += " " + root.dataset.zone;
    sessionStorage.setItem("moved", id);
    form.requestSubmit();
  };
  const moved = sessionStorage.getItem("moved");
  if (moved) {
    sessionStorage.removeItem("moved");
    $(`[data-post="${CSS.escape(moved)}"]`, root)?.focus();
  }
  let dragged = null;
  root.addEventListener("dragstart", event => {
    dragged = event.target.closest("[data-post]");
    event.dataTransfer?.setData("text/plain", dragged?.dataset.post ?? "");
  });
  const target = event => event.target.closest("[data-slot], [data-day]");
  root.addEventListener("dragover", event => {
    if (!dragged || !target(event)) return;
    event.preventDefault();
    all(".over", root).forEach(item => item.classList.remove("over"));
    target(event).classList.add("over");
  });
  root.addEventListener("dragend", () => all(".over", root).forEach(item => item.classList.remove("over")));
  root.addEventListener("drop", event => {
    const place = target(event);
    if (!dragged || !place) return;
    event.preventDefault();
    const time = dragged.dataset.at.split("T")[1];
    move(dragged.dataset.post, (place.dataset.slot ?? `${place.dataset.day}T${time}`).replace("T", " "));
  });
  root.addEventListener("keydown", event => {
    const item = event.target.closest("[data-post][draggable]");
    const minutes = { ArrowUp: -15, ArrowDown: 15, ArrowLeft: -1440, ArrowRight: 1440 }[event.key];
    if (!item || !event.altKey || !minutes) return;
    event.preventDefault();
    // Arithmetic on the wall clock: the server decides what the local time means, and asks where it means two.
    const [day, time] = item.dataset.at.split("T");
    const at = new Date(`${day}T${time}:00Z`);
    at.setUTCMinutes(at.getUTCMinutes() + minutes);
    move(item.dataset.post, at.toISOString().slice(0, 16).replace("T", " "));
  });
}

// The only text of ours that may become the address of a script.
function workerAddress() {
  const address = "/service-worker.js";
  if (!window.trustedTypes) return address;
  const policy = trustedTypes.createPolicy("skywrite", { createScriptURL: text => { if (text === address) return text; throw new TypeError(text); } });
  return policy.createScriptURL(address);
}

function start() {
  all("[data-submit-on-change] select").forEach(field => field.addEventListener("change", () => field.form.requestSubmit()));
  const root = $("[data-plan]");
  if (root) plan(root);
  if ("serviceWorker" in navigator && isSecureContext) navigator.serviceWorker.register(workerAddress()).catch(() => {});
}

start();
