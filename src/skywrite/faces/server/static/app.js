// Everything that forms and links alone cannot do. Pages work without it; it only writes text, never markup.
const $ = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

export function say(text, trouble = false) {
  const place = $("[data-said]");
  if (!place) return;
  if (!text) { place.replaceChildren(); return; }
  place.replaceChildren(element("p", trouble ? "trouble" : "", text));
}

// The plan: drag a post to a day or a slot; Alt with arrows moves it by a quarter of an hour or a day.
function plan(root) {
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

// The composer: live count and facets, media, a preview from the code that publishes, drafts saved as one types.
const API = "/api/v1";

const SILENT = "Skywrite does not answer. What you wrote is still here. Try again: nothing is made twice.";
const SIGNED_OUT = "You are signed out. Sign in in another tab, and come back: what you wrote is still here.";

// A failure without a status is one of which nobody knows what became of it: the server may have done it.
async function ask(method, path, body, headers = {}) {
  const answer = await fetch(API + path, {
    method,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    body: body === undefined ? body : JSON.stringify(body),
  }).catch(() => { throw new Error(SILENT); });
  const result = await answer.json().catch(() => null);
  if (answer.ok && result) return result;
  throw refusal(answer.status, result ?? {});
}

function refusal(status, { detail, hint }) {
  const words = status === 401 ? SIGNED_OUT : [detail ?? "The server did not answer.", hint].filter(Boolean).join(" ");
  return Object.assign(new Error(words), status < 300 ? {} : { status });
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function later(milliseconds, call) {
  let timer = 0;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => call(...given), milliseconds); };
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// A handle that one begins to type is completed from the network. Focus stays in the text; arrows choose, Enter takes.
class People {
  constructor(field, list, said, account) {
    Object.assign(this, { field, list, said, account, chosen: -1, found: [], asked: 0 });
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", list.id);
    field.addEventListener("input", () => this.look());
    field.addEventListener("keydown", event => this.key(event));
    field.addEventListener("blur", () => this.close());
    list.addEventListener("pointerdown", event => {
      event.preventDefault();
      const place = event.target.closest("[role=option]");
      if (place) this.take(this.found[[...list.children].indexOf(place)]);
    });
  }

  typed() {
    return /(?:^|[\s("'])@([a-z0-9][a-z0-9.-]*)$/i.exec(this.field.value.slice(0, this.field.selectionStart))?.[1] ?? "";
  }

  look = later(150, async () => {
    const typed = this.typed(), number = ++this.asked;
    if (!typed) return this.close();
    const answer = await fetch(`/compose/people?${new URLSearchParams({ q: typed, account: this.account() })}`).catch(() => null);
    const found = answer?.ok ? await answer.json().catch(() => []) : [];
    if (number !== this.asked || typed !== this.typed() || document.activeElement !== this.field) return;
    this.show(found.filter(person => person.handle.toLowerCase() !== typed.toLowerCase()));
  });

  show(found) {
    this.found = found;
    this.list.replaceChildren(...found.map(({ handle, name }, index) => {
      const line = element("li", "", name || handle);
      line.id = `${this.list.id}-${index}`;
      line.setAttribute("role", "option");
      line.append(element("small", "", `@${handle}`));
      return line;
    }));
    this.list.hidden = !found.length;
    this.said.textContent = found.length ? `${found.length} people found; choose with the arrows` : "";
    this.choose(found.length ? 0 : -1);
  }

  choose(index) {
    this.chosen = index;
    [...this.list.children].forEach((line, place) => line.setAttribute("aria-selected", String(place === index)));
    if (index < 0) this.field.removeAttribute("aria-activedescendant");
    else this.field.setAttribute("aria-activedescendant", `${this.list.id}-${index}`);
  }

  close() { this.asked += 1; this.show([]); }

  key(event) {
    if (this.list.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.choose((this.chosen + step + this.found.length) % this.found.length);
    else if (event.key === "Enter" || event.key === "Tab") this.take(this.found[this.chosen]);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }

  take({ handle }) {
    const end = this.field.selectionStart;
    this.field.setRangeText(`${handle} `, end - this.typed().length, end, "end");
    this.close();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

class Composer {
  constructor(form) {
    this.form = form;
    this.fields = form.elements;
    const { id = null, version = null, state = "", gif = false, values = {} } = JSON.parse(form.dataset.stored);
    Object.assign(this, { id, version });
    // What the server has of the fields here. Only what differs is sent: it keeps all that has no field.
    this.values = values;
    this.images = structuredClone(values.images ?? []);
    this.video = values.video ? { ...values.video, gif } : null;
    // What has a time goes out as it is stored: it changes by the button alone, never while one types.
    this.scheduled = Boolean(state) && state !== "draft";
    this.saving = Promise.resolve();
    this.uploads = new Set();
    this.lines = new Map();
    this.sent = false;
    this.asked = 0;
    this.save = later(900, () => this.saveNow());
    this.look = later(350, () => this.preview());
    form.addEventListener("input", event => this.changed(event));
    form.addEventListener("submit", event => this.submit(event));
    form.addEventListener("paste", event => this.take(event.clipboardData?.files));
    this.fields.files.addEventListener("change", () => { this.take(this.fields.files.files); this.fields.files.value = ""; });
    this.dropping($("[data-drop]", form));
    addEventListener("beforeunload", event => { if ((this.dirty || this.uploads.size) && !this.sent) event.preventDefault(); });
    new People(this.fields.text, $("[data-people]", form), $("[data-people-said]", form), () => this.account);
    this.zone();
    this.shots();
    this.modes();
    this.count();
    this.preview();
  }

  changed(event) {
    this.dirty = true;
    // A post stays with its account, so another account gets a copy, which takes its place.
    if (event.target.name === "account") { this.moved = true; this.zone(); this.time(); }
    if (event.target.name === "text" || event.target.name === "split") this.count();
    if (event.target.name === "mode") this.modes();
    if (event.target.name === "at") { this.time(); this.label(); }
    if (!["mode", "at", "every"].includes(event.target.name)) { this.save(); this.look(); }
  }

  draft() {
    const value = name => this.fields[name]?.value.trim() ?? "";
    const several = name => value(name).split(",").map(item => item.trim()).filter(Boolean);
    const row = { text: this.fields.text.value, card: this.fields.card.checked ? this.fields.card.value : "none", quotes: this.fields.quotes.checked };
    row.images = this.images.map(({ media, alt }) => ({ media, alt }));
    row.video = this.video ? { media: this.video.media, alt: this.video.alt } : null;
    row.quote = value("quote") || null;
    row.reply_to = value("reply_to") || null;
    row.replies = value("replies") ? several("replies") : null;
    row.labels = several("label");
    row.langs = several("lang");
    row.split = this.fields.split.checked;
    return row;
  }

  // What differs from the post that is stored, as the fields of a request.
  changes(row = this.draft()) {
    const found = Object.entries(row).filter(([name, value]) => !same(value, this.values[name]));
    const changes = Object.fromEntries(found);
    // The server finds these in the text where they are not given, so it looks again where the text changes.
    if ("text" in changes) for (const name of ["langs", "quote"]) if (!row[name]?.length) changes[name] = row[name];
    return changes;
  }

  // The content of a post that is not stored yet: a new one, or a copy of the one that is.
  content() { return this.id === null ? this.draft() : { copy_of: this.id, ...this.changes() }; }

  get account() { return this.fields.account.value; }
  get chosen() { return this.fields.account.selectedOptions?.[0] ?? this.fields.account; }
  get mode() { return this.fields.mode.value; }
  get keepsTime() { return this.scheduled && this.mode === "at" && this.fields.at.value === this.fields.kept?.value; }
  get undescribed() { return this.form.dataset.needAlt.split(" ").includes(this.account) && this.images.some(item => !item.alt.trim()); }
  get empty() { return !this.fields.text.value.trim() && !this.images.length && !this.video; }

  async count() {
    const number = ++this.asked;
    const output = $("[data-count]", this.form);
    try {
      const found = await ask("POST", "/posts/text", { text: this.fields.text.value, account: this.account, split: this.fields.split.checked });
      if (number !== this.asked) return;
      const last = found.posts.at(-1);
      output.textContent = found.posts.length > 1 ? `${found.posts.length} posts, ${last.left} left in the last` : `${last.graphemes} of ${found.most_graphemes}`;
      output.classList.toggle("over", !last.fits);
    } catch { output.textContent = ""; }
  }

  async preview() {
    const place = $("[data-preview]", this.form);
    const notes = $("[data-notes]", this.form);
    if (this.empty) { place.replaceChildren(element("div", "seen soft", "The preview appears as you type.")); notes.replaceChildren(); return; }
    const number = (this.looked = (this.looked ?? 0) + 1);
    try {
      const found = await ask("POST", "/posts/preview", { ...this.content(), account: this.account });
      if (number !== this.looked) return;
      place.replaceChildren(...found.posts.map((record, index) => this.record(record, found.account, index, found.posts.length)));
      notes.replaceChildren(...found.warnings.map(text => element("li", "", text)));
      if (found.replies) notes.append(element("li", "", found.replies.length ? `May reply: ${found.replies.join(", ")}` : "Nobody may reply"));
    } catch (error) {
      if (number === this.looked) notes.replaceChildren(element("li", "bad", error.message));
    }
  }

  record(record, account, index, count) {
    const box = element("article", "seen");
    const author = element("div", "author", `@${account}`);
    author.append(element("small", "", count > 1 ? `${index + 1} of ${count}` : "preview"));
    box.append(author, this.text(record));
    this.embed(record.embed, box);
    return box;
  }

  text(record) {
    const body = element("p", "body");
    const bytes = new TextEncoder().encode(record.text), decoder = new TextDecoder();
    let at = 0;
    for (const facet of [...(record.facets ?? [])].sort((a, b) => a.index.byteStart - b.index.byteStart)) {
      if (facet.index.byteStart < at) continue;
      body.append(decoder.decode(bytes.slice(at, facet.index.byteStart)));
      body.append(element("b", "", decoder.decode(bytes.slice(facet.index.byteStart, facet.index.byteEnd))));
      at = facet.index.byteEnd;
    }
    body.append(decoder.decode(bytes.slice(at)));
    return body;
  }

  embed(embed, box) {
    if (!embed) return;
    const kind = embed.$type.split(".").at(-1);
    if (kind === "recordWithMedia") { this.embed(embed.media, box); this.embed(embed.record, box); return; }
    if (kind === "images" || kind === "gallery") {
      const grid = element("div", "grid");
      for (const item of embed.images ?? embed.items) grid.append(this.image(item.image.ref.$link, item.alt));
      box.append(grid);
    } else if (kind === "external") {
      const card = element("div", "link");
      const thumb = embed.external.thumb?.ref?.$link;
      if (thumb && this.images.some(item => item.media === thumb)) card.append(this.image(thumb, ""));
      const words = element("div");
      words.append(element("strong", "", embed.external.title), element("br"), element("small", "", new URL(embed.external.uri).host));
      card.append(words);
      box.append(card);
    } else if (kind === "video") {
      const name = embed.presentation === "gif" ? "GIF" : "Video";
      box.append(element("div", "link")); box.lastChild.append(element("div", "", `${name}: ${embed.alt || "no description"}`));
    } else if (kind === "record") {
      box.append(element("div", "link")); box.lastChild.append(element("div", "", `Quotes ${embed.record.uri}`));
    }
  }

  image(cid, alt) {
    const shown = element("img");
    shown.src = `/image/${encodeURIComponent(cid)}`;
    shown.alt = alt;
    return shown;
  }

  modes() {
    all("[data-for]", this.form).forEach(place => { place.hidden = place.dataset.for !== this.mode; });
    this.label();
    this.time();
  }

  label() {
    if (this.busy && this.uploads.size) { $("[data-send]", this.form).textContent = "Uploading…"; return; }
    const words = { now: "Post now", draft: "Keep the draft", every: "Post again and again", slot: "Put it in the next slot" };
    $("[data-send]", this.form).textContent = words[this.mode] ?? (this.keepsTime ? "Save the changes" : "Schedule");
  }

  zone() {
    const { zone } = this.chosen.dataset;
    if (zone) $("[data-zone]").textContent = `Times in ${zone}`;
  }

  time = later(200, async () => {
    const place = $("[data-at-said]", this.form), at = this.fields.at.value.trim();
    if (this.mode !== "at" || !at) { place.textContent = ""; return; }
    const answer = await fetch(`/compose/time?${new URLSearchParams({ at, account: this.account })}`);
    if (!answer.ok) return;
    const found = await answer.json();
    if (at !== this.fields.at.value.trim()) return;
    place.textContent = [found.said, found.hint].filter(Boolean).join(" — ");
    place.classList.toggle("bad", !found.ok);
    this.fields.at.setAttribute("aria-invalid", String(!found.ok));
  });

  dropping(place) {
    const over = on => event => { event.preventDefault(); place.classList.toggle("over", on); };
    place.addEventListener("dragover", over(true));
    place.addEventListener("dragleave", over(false));
    place.addEventListener("drop", event => { over(false)(event); this.take(event.dataTransfer?.files); });
  }

  // The list of files of a field empties itself with the field, so it is read at once.
  take(files) {
    const work = this.uploadAll([...files ?? []]);
    this.uploads.add(work);
    work.finally(() => { this.uploads.delete(work); this.label(); });
  }

  // The names of the files that are not here now, for those who wait for all of them.
  async uploadAll(files) {
    const failed = [];
    const lines = files.map(file => this.waiting(file));
    for (const [index, file] of files.entries()) {
      try {
        this.add(await this.upload(file, lines[index]));
      } catch (error) {
        failed.push(file.name);
        say(`${file.name}: ${error.message}`, true);
      }
      lines[index].remove();
      this.shots();
      this.save();
      this.look();
    }
    return failed;
  }

  add({ media, mime, gif, warnings }) {
    const isVideo = mime.startsWith("video/");
    if (isVideo && this.video) throw new Error("A post has one video. Remove the first one, or put this one into a post of its own.");
    if (isVideo) this.video = { media, alt: "", gif }; else this.images.push({ media, alt: "" });
    this.dirty = true;
    warnings.forEach(text => say(text));
  }

  // Everything that stores a post waits for its files, and stores nothing if one of them did not arrive.
  async uploaded() {
    const failed = [];
    this.label();
    while (this.uploads.size) failed.push(...(await Promise.all(this.uploads)).flat());
    this.label();
    if (failed.length) throw new Error(`Nothing was sent, since ${failed.join(", ")} did not arrive. Choose it again, or press the button to go on without it.`);
  }

  waiting(file) {
    const line = element("li");
    line.dataset.waiting = "";
    const bar = element("progress");
    bar.setAttribute("aria-label", `Uploading ${file.name}`);
    bar.max = file.size;
    line.append(element("span"), element("span", "soft", file.name), bar);
    $("[data-shots]", this.form).append(line);
    return line;
  }

  // What is too large is not sent at all: a browser that is still sending does not read why it was refused.
  upload(file, line) {
    const most = Number(this.form.dataset.maxBytes);
    return new Promise((resolve, reject) => {
      if (file.size > most) return reject(new Error(`It is larger than ${Math.floor(most / 1e6)} MB. Choose a smaller file.`));
      const request = new XMLHttpRequest();
      request.open("POST", `${API}/media?${new URLSearchParams({ name: file.name || "pasted" })}`);
      request.setRequestHeader("content-type", file.type || "application/octet-stream");
      request.upload.addEventListener("progress", event => { $("progress", line).value = event.loaded; });
      request.addEventListener("load", () => {
        let result = {};
        try { result = JSON.parse(request.responseText); } catch { /* said below */ }
        if (request.status < 300) resolve(result); else reject(refusal(request.status, result));
      });
      request.addEventListener("error", () => reject(new Error("The connection broke. Choose the file again.")));
      request.send(file);
    });
  }

  // Only lines that are new or gone change, so that whoever writes a description goes on writing.
  shots() {
    const list = $("[data-shots]", this.form);
    const items = [...this.images, ...(this.video ? [this.video] : [])];
    const lines = items.map((item, index) => this.line(item, index));
    [...list.children].forEach(line => { if (!lines.includes(line) && !("waiting" in line.dataset)) line.remove(); });
    lines.forEach((line, index) => { if (list.children[index] !== line) list.insertBefore(line, list.children[index] ?? null); });
  }

  line(item, index) {
    const name = this.video !== item ? `image ${index + 1}` : item.gif ? "GIF" : "video";
    const line = this.lines.get(item) ?? this.newLine(item, name);
    this.lines.set(item, line);
    $("textarea", line).setAttribute("aria-label", `Description of ${name}`);
    $("button", line).setAttribute("aria-label", `Remove ${name}`);
    return line;
  }

  newLine(item, name) {
    const line = element("li");
    const alt = element("textarea");
    alt.value = item.alt;
    alt.rows = 2;
    alt.placeholder = "Describe it for people who cannot see it";
    alt.addEventListener("input", () => { item.alt = alt.value; });
    const away = element("button", "quiet", "Remove");
    away.type = "button";
    away.addEventListener("click", () => {
      this.images = this.images.filter(other => other !== item);
      if (this.video === item) this.video = null;
      this.dirty = true;
      this.shots(); this.save(); this.look();
      this.fields.text.focus();
    });
    line.append(this.video === item ? element("span", "drop", name === "GIF" ? "GIF" : "Video") : this.image(item.media, item.alt), alt, away);
    return line;
  }

  saveNow() {
    if (this.sent || this.busy) return this.saving;
    const place = $("[data-saved]");
    if (this.empty) { place.textContent = this.id === null ? "" : "Not saved: it is empty"; return this.saving; }
    // What was about to get a time may have it: the button says what became of it.
    if (this.doubt?.time.at || (this.tried && !this.tried.body.draft)) return this.saving;
    if (this.scheduled || this.undescribed) {
      place.textContent = this.scheduled ? "Changes are not saved yet" : "Not saved: describe the images first";
      return this.saving;
    }
    this.saving = this.saving.then(() => this.store({ draft: true })).catch(error => this.trouble(error));
    return this.saving;
  }

  // Store what the form says. `time`: {draft: true}, a time in {at}, or nothing for a post that keeps its time.
  async store(time) {
    await this.settle();
    const row = this.draft();
    if (this.id === null || this.moved) {
      const { id } = await this.replace(row, { draft: true });
      history.replaceState(null, "", `/compose?draft=${id}`);
    }
    const isAsStored = !Object.keys(this.changes(row)).length;
    if (isAsStored && time.draft) return { id: this.id };
    return isAsStored && time.at && this.done?.at === time.at ? this.done.post : this.edit(row, time);
  }

  async edit(row, time) {
    const { draft, ...when } = time;
    // In doubt until the answer is here.
    this.doubt = { row, time };
    try {
      const made = await ask("PATCH", `/posts/${this.id}`, { ...this.changes(row), ...when }, { "if-match": `"${this.version}"` });
      return this.keep(made, row);
    } catch (error) {
      if (error.status !== undefined) this.doubt = null;
      throw error;
    }
  }

  // An answer was lost: what is stored says whether the change was made. Then it is not made again.
  async settle() {
    if (this.tried) await this.finish();
    if (!this.doubt) return;
    const { row, time } = this.doubt;
    const post = await ask("GET", `/posts/${this.id}`);
    const isMade = post.version !== this.version && this.says(post.draft, row) && (!time.at || post.state !== "draft");
    this.doubt = null;
    if (!isMade) return;
    this.keep(post, row);
    this.done = time.at ? { at: time.at, post } : null;
  }

  says(draft, row) {
    const media = items => (items ?? []).map(({ cid, media, alt }) => [cid ?? media, alt ?? ""]);
    return draft.text === row.text && same(media(draft.images), media(row.images)) && (draft.quotes ?? true) === row.quotes
      && same(media(draft.video ? [draft.video] : []), media(row.video ? [row.video] : []))
      && same(draft.replies ?? null, row.replies) && same(draft.labels ?? [], row.labels) && (draft.split ?? false) === row.split;
  }

  // What another window changed meanwhile is not copied and deleted unseen.
  async unchanged() {
    if (this.id === null) return;
    const { version } = await ask("GET", `/posts/${this.id}`);
    if (version !== this.version) throw refusal(412, {});
  }

  // A new post, which takes the place of the one that there was.
  async replace(row, time) {
    await this.unchanged();
    const body = { ...this.content(), account: this.account, ...time };
    this.tried = { body, row, old: this.id, key: `page-${crypto.randomUUID()}` };
    return this.finish();
  }

  // If the answer is lost, the same again under the same key finds the post that was made, and makes no second one.
  async finish() {
    const { body, row, old, key } = this.tried;
    try {
      const made = await ask("POST", "/posts", { ...body, key });
      this.tried = null;
      this.moved = made.account !== this.account;
      this.placed = body.draft ? null : made;
      this.keep(made, row);
      if (old !== null) await ask("DELETE", `/posts/${old}`);
      return made;
    } catch (error) {
      if (error.status !== undefined) this.tried = null;
      throw error;
    }
  }

  keep(made, row) {
    [this.id, this.version, this.doubt] = [made.id, made.version, null];
    this.values = row;
    this.scheduled = made.state !== "draft";
    if (this.silent) say("");
    this.silent = false;
    this.dirty = !same(row, this.draft());
    $("[data-saved]").textContent = this.dirty ? "" : "Draft saved";
    return made;
  }

  trouble(error) {
    // Nobody answered: it is tried again until somebody does.
    this.silent = error.status === undefined;
    if (this.silent) setTimeout(() => this.save(), 5000);
    const clash = error.status === 412 || error.status === 409;
    say(clash ? "This was changed in another window. Reload the page to see it; what stands here is not saved." : error.message, true);
    $("[data-saved]").textContent = clash ? "Not saved" : "";
  }

  async submit(event) {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    const button = $("[data-send]", this.form);
    button.disabled = true;
    try {
      await this.uploaded();
      if (this.undescribed) { this.askForAlt(); return; }
      await this.saving;
      await this.send();
    } catch (error) {
      this.trouble(error);
      $("[data-notes]", this.form).replaceChildren(element("li", "bad", error.message));
    } finally {
      this.busy = false;
      button.disabled = false;
      this.label();
      if (!this.sent) this.save();
    }
  }

  async repeat() {
    const body = { ...this.content(), account: this.account, every: this.fields.every.value };
    return ask("POST", "/recurrences", body).catch(error => {
      if (error.status === undefined) error.message = "Skywrite does not answer, so it may be stored already. Look at the page Recurrences before you press the button again.";
      throw error;
    });
  }

  askForAlt() {
    say("This account posts no image without a description. Describe what each one shows.", true);
    const fields = all("[data-shots] textarea", this.form);
    fields.forEach(field => field.setAttribute("aria-invalid", String(!field.value.trim())));
    fields.find(field => !field.value.trim())?.focus();
  }

  async send() {
    const said = (made, done) => [done, ...made.warnings ?? []].join(" ");
    const go = (path, done) => { this.sent = true; location.assign(`${path}?${new URLSearchParams({ done })}`); };
    if (this.mode === "every") {
      await this.settle();
      await this.unchanged();
      const made = await this.repeat();
      if (this.id !== null) await ask("DELETE", `/posts/${this.id}`);
      return go("/recurrences", `It comes ${made.said}.`);
    }
    if (this.keepsTime) { const made = await this.store({}); return go(`/posts/${made.id}`, said(made, "The changes are saved.")); }
    if (this.mode === "draft") { await this.store({ draft: true }); return go("/", "The draft is kept."); }
    const wait = Number(this.chosen.dataset.wait);
    const at = { now: wait ? `in ${wait} seconds` : "now", at: this.fields.at.value.replace("T", " ") }[this.mode];
    if (this.mode === "at" && !at) throw new Error("No time is given. Write one, such as tomorrow 9:00, or keep it as a draft.");
    if (this.mode === "slot") {
      // A slot is given when a post is accepted, so a copy takes the place of the draft.
      if (this.id !== null || this.tried) await this.store({ draft: true });
      const made = this.placed ?? await this.replace(this.draft(), {});
      return go(`/posts/${made.id}`, said(made, "It has the next free slot."));
    }
    const made = await this.store({ at });
    return go(`/posts/${made.id}`, said(made, this.mode !== "now" ? "It is scheduled." : wait ? `It goes out in ${wait} seconds. You can still take it back.` : "It goes out now."));
  }
}

// One event stream for all tabs: browsers keep six connections to a server, and a stream takes one for good. The visible
// tab that holds the lock listens, and tells the others. Hidden tabs do not listen, and look when they are seen again.
class Events {
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
function watch(root) {
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
function undo(form) {
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

// Passkeys: the browser makes and uses them; the server checks what it brings.
async function send(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const result = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error([result.detail ?? "The server did not answer.", result.hint].filter(Boolean).join(" "));
  return result;
}

function passkeyTrouble(error) {
  const refused = error.name === "NotAllowedError" || error.name === "AbortError";
  const known = error.name === "InvalidStateError";
  say(known ? "This device has a passkey of yours already." : refused ? "No passkey was used. Try again, or use a link." : error.message, true);
}

function addPasskey(form) {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) return;
  form.hidden = false;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    try {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await send("/passkeys/options", {}));
      const made = await navigator.credentials.create({ publicKey });
      await send("/passkeys", { name: form.elements.name.value, credential: made.toJSON() });
      location.assign(`/settings?${new URLSearchParams({ done: "The passkey is added. Next time it signs you in." })}`);
    } catch (error) { passkeyTrouble(error); }
  });
}

function usePasskey(place) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return;
  place.hidden = false;
  $("button", place).addEventListener("click", async () => {
    try {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await send("/passkeys/sign-in/options", {}));
      const used = await navigator.credentials.get({ publicKey });
      await send("/passkeys/sign-in", { credential: used.toJSON() });
      // The page that was asked for stands at this address.
      location.reload();
    } catch (error) { passkeyTrouble(error); }
  });
}

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

function start() {
  showWhere();
  all("[data-submit-on-change] select").forEach(field => field.addEventListener("change", () => field.form.requestSubmit()));
  const root = $("[data-plan]");
  if (root) plan(root);
  all("[data-compose]").forEach(form => new Composer(form));
  all("[data-watch]").forEach(watch);
  all("[data-undo]").forEach(undo);
  all("[data-passkey-add]").forEach(addPasskey);
  all("[data-passkey-use]").forEach(usePasskey);
  if ("serviceWorker" in navigator && isSecureContext) navigator.serviceWorker.register(workerAddress()).catch(() => {});
}

start();
