// The plan: drag a post to a day or a slot; Alt with arrows moves it by a quarter of an hour or a day.
import { $, all, later, say } from "./dom.js";

export function plan(root) {
  const form = $("[data-move]");
  const move = (id, at) => {
    form.elements.id.value = id;
    form.elements.version.value = $(`[data-post="${CSS.escape(id)}"]`, root)?.dataset.version ?? "";
    form.elements.at.value = at;
    form.elements.at.value += " " + root.dataset.zone;
    sessionStorage.setItem("moved", id);
    form.requestSubmit();
  };
  const moved = sessionStorage.getItem("moved");
  if (moved) {
    sessionStorage.removeItem("moved");
    const item = $(`[data-post="${CSS.escape(moved)}"]`, root);
    item?.closest("details")?.setAttribute("open", "");
    item?.focus();
  }
  let dragged = null;
  root.addEventListener("dragstart", event => {
    dragged = event.target.closest("[data-post][draggable]");
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
