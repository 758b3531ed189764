// What forms and links alone cannot do. Pages work without it. Each page loads the modules that it needs.
import { $, all } from "./js/dom.js";
import { undo, watch } from "./js/live.js";

// The only text of ours that may become the address of a script.
function workerAddress() {
  const address = "/service-worker.js";
  if (!window.trustedTypes) return address;
  const policy = trustedTypes.createPolicy("skywrite", { createScriptURL: text => { if (text === address) return text; throw new TypeError(text); } });
  return policy.createScriptURL(address);
}

// On a phone the pages are in one row, wider than the screen.
function showWhere() {
  const here = $(".side [aria-current]"), row = here?.closest("ul");
  if (row) row.scrollLeft = here.offsetLeft - row.offsetLeft - 40;
}

// The key for searching, wherever nobody is writing.
function search(event) {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  const field = $("[data-search]");
  if (field) field.focus(); else location.assign("/search");
}

// A file that is chosen goes into the field where it could be pasted.
function read(field) {
  field.closest("[hidden]").hidden = false;
  field.addEventListener("change", async () => {
    const into = document.getElementById(field.dataset.into);
    if (field.files.length) into.value = await field.files[0].text();
    field.value = "";
    into.focus();
  });
}

function start() {
  showWhere();
  all("[data-submit-on-change] select").forEach(field => field.addEventListener("change", () => field.form.requestSubmit()));
  const root = $("[data-plan]");
  const choice = $("[data-choose]");
  if (root) import("./js/plan.js").then(({ plan, choose }) => { if (choice) choose(choice); else plan(root); });
  document.addEventListener("keydown", search);
  all("[data-compose]").forEach(form => import("./js/compose.js").then(({ Composer }) => new Composer(form)));
  all("[data-into]").forEach(read);
  all("[data-watch]").forEach(watch);
  all("[data-undo]").forEach(undo);
  if ($("[data-passkey-add], [data-passkey-use]")) import("./js/passkeys.js").then(({ addPasskey, usePasskey }) => {
    all("[data-passkey-add]").forEach(addPasskey);
    all("[data-passkey-use]").forEach(usePasskey);
  });
  if ("serviceWorker" in navigator && isSecureContext) navigator.serviceWorker.register(workerAddress()).catch(() => {});
}

start();
