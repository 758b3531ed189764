// The plan: drag a post or a draft to a day or a slot, with a mouse or a finger; Alt with arrows moves a post by a quarter
// of an hour or a day; several are chosen with boxes; and what happens meanwhile shows by itself.
import { ask } from "./api.js";
import { $, all, element, later, say } from "./dom.js";
import { Events } from "./live.js";

const HOLD_MS = 350, EDGE_PX = 60;

export function plan(root) {
  const form = $("[data-move]");
  const move = (id, at) => {
    form.elements.id.value = id;
    form.elements.version.value = $(`[data-post="${CSS.escape(id)}"]`)?.dataset.version ?? "";
    form.elements.at.value = `${at} ${root.dataset.zone}`;
    sessionStorage.setItem("moved", id);
    form.requestSubmit();
  };
  refocus(root);
  const dropped = (item, place) => {
    const { slot, day } = place.dataset, time = item.dataset.at?.split("T")[1];
    if (slot) move(item.dataset.post, slot.replace("T", " "));
    else if (time) move(item.dataset.post, `${day} ${time}`);
    else askTime(item, day, time => move(item.dataset.post, `${day} ${time}`));
  };
  byMouse(root, dropped);
  byFinger(root, dropped);
  byKeys(root, move);
  live(root);
}

function refocus(root) {
  const moved = sessionStorage.getItem("moved");
  if (!moved) return;
  sessionStorage.removeItem("moved");
  const item = $(`[data-post="${CSS.escape(moved)}"]`, root);
  item?.closest("details")?.setAttribute("open", "");
  item?.focus();
}

// A draft has no time of its own: a day alone does not say when it goes out.
function askTime(item, day, done) {
  const dialog = $("[data-time-of-day]");
  dialog.addEventListener("close", () => { if (dialog.returnValue === "yes") done($("input", dialog).value); }, { once: true });
  dialog.returnValue = "";
  dialog.showModal();
}

const DRAGGED = "[data-post][draggable=true]";
// A slot belongs to an account: what is of another goes to the day around it.
function placeAt(root, target, item) {
  const slot = target?.closest?.("[data-slot]");
  if (slot && root.contains(slot) && (!item.dataset.of || item.dataset.of === slot.dataset.of)) return slot;
  const day = target?.closest?.("[data-day]");
  return day && root.contains(day) ? day : null;
}

function mark(root, place) {
  all(".over", root).forEach(item => item.classList.remove("over"));
  place?.classList.add("over");
}

function byMouse(root, dropped) {
  let dragged = null;
  const area = $("#main");
  area.addEventListener("dragstart", event => {
    dragged = event.target.closest?.(DRAGGED);
    event.dataTransfer?.setData("text/plain", dragged?.dataset.post ?? "");
  });
  root.addEventListener("dragover", event => {
    const place = dragged && placeAt(root, event.target, dragged);
    if (!place) return;
    event.preventDefault();
    mark(root, place);
  });
  area.addEventListener("dragend", () => { dragged = null; mark(root, null); });
  root.addEventListener("drop", event => {
    const place = dragged && placeAt(root, event.target, dragged);
    if (!place) return;
    event.preventDefault();
    dropped(dragged, place);
  });
}

// Browsers have no drag and drop for fingers. A finger that rests on a post takes it; one that moves at once scrolls.
function byFinger(root, dropped) {
  const area = $("#main");
  let item = null, timer = 0, ghost = null, place = null;
  const end = () => {
    clearTimeout(timer);
    ghost?.remove();
    mark(root, null);
    item?.classList.remove("lifted");
    item = ghost = place = null;
  };
  area.addEventListener("touchstart", event => {
    const found = event.target.closest(DRAGGED);
    if (!found || event.touches.length > 1) return end();
    timer = setTimeout(() => {
      item = found;
      item.classList.add("lifted");
      ghost = element("div", "item ghost", $(".text", item)?.textContent ?? "");
      document.body.append(ghost);
      follow(event.touches[0]);
      navigator.vibrate?.(15);
    }, HOLD_MS);
  }, { passive: true });
  const follow = ({ clientX, clientY }) => {
    ghost.style.transform = `translate(${clientX + 12}px, ${clientY - 40}px)`;
    place = placeAt(root, document.elementFromPoint(clientX, clientY), item);
    mark(root, place);
    if (clientY < EDGE_PX) scrollBy(0, -12); else if (clientY > innerHeight - EDGE_PX) scrollBy(0, 12);
  };
  area.addEventListener("touchmove", event => {
    if (!item) return clearTimeout(timer);
    event.preventDefault();
    follow(event.touches[0]);
  }, { passive: false });
  area.addEventListener("touchend", event => {
    const [taken, to] = [item, place];
    if (taken) event.preventDefault();
    end();
    if (taken && to) dropped(taken, to);
  });
  area.addEventListener("touchcancel", end);
  // A long press opens a menu and starts the browser's own drag, which no finger could end.
  area.addEventListener("contextmenu", event => { if (item || (timer && event.pointerType === "touch" && event.target.closest(DRAGGED))) event.preventDefault(); });
}

function byKeys(root, move) {
  root.addEventListener("keydown", event => {
    const item = event.target.closest(DRAGGED);
    const minutes = { ArrowUp: -15, ArrowDown: 15, ArrowLeft: -1440, ArrowRight: 1440 }[event.key];
    if (!item || !event.altKey || !minutes) return;
    event.preventDefault();
    if (item.dataset.moving) return;
    // Arithmetic on the wall clock: the server decides what the local time means, and asks where it means two.
    const [day, time] = item.dataset.at.split("T");
    const at = new Date(`${day}T${time}:00Z`);
    at.setUTCMinutes(at.getUTCMinutes() + minutes);
    item.dataset.at = at.toISOString().slice(0, 16);
    say(`To ${item.dataset.at.replace("T", " ")}`);
    stepped(item);
  });
  // Several steps are one move: each is made from the time that the one before gave.
  const stepped = later(400, item => {
    item.dataset.moving = "yes";
    move(item.dataset.post, item.dataset.at.replace("T", " "));
  });
}

// What became of the posts that are shown. Only their signs change: the page stays under the hands of who works on it.
function live(root) {
  const look = later(300, async () => {
    const shown = new Map(all("[data-post][data-at]", root).map(item => [item.dataset.post, item]));
    for (const number of heard.splice(0)) {
      const item = shown.get(number), post = item && await ask("GET", `/posts/${number}`).catch(() => null);
      if (post) show(item, post);
    }
  });
  const heard = [];
  const events = new Events(post => { if (post !== null) { heard.push(post); look(); } });
  document.addEventListener("submit", () => events.leave());
}

function show(item, post) {
  if (item.classList.contains(post.state)) return;
  item.classList.remove("scheduled", "held", "failed", "publishing", "published", "cancelled", "ask");
  item.classList.add(post.state);
  item.dataset.version = post.version;
  const sign = $("time u", item) ?? $("time", item).appendChild(element("u"));
  const needs = { held: "held", failed: "failed" }[post.state];
  sign.textContent = needs ?? "";
  item.classList.toggle("ask", Boolean(needs));
  if (post.state !== "scheduled" && post.state !== "held") item.removeAttribute("draggable");
}

// Choosing several: how many there are, all of a day with Shift, and every box with Ctrl-A.
export function choose(form) {
  const boxes = all("input[type=checkbox]", form);
  const told = $("[data-chosen]", form);
  let last = null;
  const count = () => {
    const number = boxes.filter(box => box.checked).length;
    told.textContent = number ? `${number} chosen` : "Choose posts";
    all(".bulk button", form).forEach(button => { button.disabled = !number; });
  };
  form.addEventListener("click", event => {
    if (!boxes.includes(event.target)) return;
    if (event.shiftKey && last) {
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(event.target)].sort((one, other) => one - other);
      boxes.slice(from, to + 1).forEach(box => { box.checked = event.target.checked; });
    }
    last = event.target;
    count();
  });
  document.addEventListener("keydown", event => {
    if (event.key !== "a" || !(event.ctrlKey || event.metaKey) || event.target.matches("input:not([type=checkbox]), select")) return;
    event.preventDefault();
    const every = boxes.every(box => box.checked);
    boxes.forEach(box => { box.checked = !every; });
    count();
  });
  addEventListener("pageshow", count);
  count();
}
