// The composer: a box for each post of a thread, saved as one types, and sent once, whatever the line does.
import { ask, look, refusal } from "./api.js";
import { Accounts } from "./accounts.js";
import { Box } from "./boxes.js";
import { $, all, button, element, later, same, say } from "./dom.js";
import { Kept } from "./kept.js";
import { shownRecord } from "./preview.js";
import { When } from "./when.js";

const RETRY_MS = 5000;

export class Composer {
  constructor(form) {
    this.form = form;
    this.fields = form.elements;
    const { id = null, version = null, state = "", values = {}, boxes = [] } = JSON.parse(form.dataset.stored);
    Object.assign(this, { id, version });
    // What the server has of the fields here. Only what differs is sent: it keeps all that has no field.
    this.values = values;
    // What has a time goes out as it is stored: it changes by the button alone, never while one types.
    this.scheduled = Boolean(state) && state !== "draft";
    this.saving = Promise.resolve();
    this.sent = false;
    this.boxes = [];
    // The pictures of cards that the server has.
    this.thumbs = [];
    this.thread = $("[data-thread]", form);
    this.save = later(900, () => this.saveNow());
    this.look = later(350, () => this.preview());
    this.when = new When(form, this);
    this.accounts = new Accounts(form, this);
    all("[data-box]", form).forEach((node, index) => this.boxes.push(new Box(node, this, boxes[index])));
    this.more = $("[data-add]", form);
    this.more.hidden = false;
    this.more.addEventListener("click", () => this.add(this.boxes.length).field.focus());
    this.kept = new Kept(id);
    this.signedAs = this.chosen.dataset.signature ?? "";
    this.listen();
    this.placed();
    this.restore();
    this.when.begin();
    this.accounts.begin();
    // Whoever typed before this was here has typed.
    if (this.boxes.some(({ field }) => field.value !== field.defaultValue)) this.changed();
    this.preview();
  }

  listen() {
    const { form } = this;
    form.addEventListener("input", event => this.typed(event));
    form.addEventListener("submit", event => this.submit(event));
    form.addEventListener("keydown", event => this.key(event));
    this.fields.campaign.addEventListener("focus", () => this.campaigns(), { once: true });
    this.dragging();
    addEventListener("beforeunload", event => { if ((this.dirty || this.uploading) && !this.sent) event.preventDefault(); });
    // Signed in again in another tab, or the line is back: what waits is saved.
    const again = () => { if (this.failed && document.visibilityState === "visible") this.saveNow(); };
    for (const [target, name] of [[window, "focus"], [window, "online"], [document, "visibilitychange"]]) target.addEventListener(name, again);
  }

  get account() { return this.fields.account.value; }
  get chosen() { return this.fields.account.selectedOptions?.[0] ?? this.fields.account; }
  get mode() { return this.when.mode; }
  get signature() { return this.id === null ? this.chosen.dataset.signature ?? "" : ""; }
  get splits() { return this.fields.split.checked; }
  get uploading() { return this.boxes.some(box => box.uploads.size); }
  get filled() { return this.boxes.filter((box, index) => !index || !box.empty); }
  get keepsTime() { return this.scheduled && this.mode === "at" && this.fields.at.value === this.fields.kept?.value; }
  get needsAlt() { return this.form.dataset.needAlt.split(" ").includes(this.account); }
  get undescribed() { return this.needsAlt && this.boxes.some(box => box.images.some(item => !item.alt.trim())); }
  get empty() { return this.boxes.every(box => box.empty); }

  // Another account signs in its own way, unless the signature was changed.
  sign() {
    const [{ field }] = this.boxes, { value, selectionStart } = field, before = this.signedAs ?? "";
    this.signedAs = this.chosen.dataset.signature ?? "";
    if (before === this.signedAs || (before && !value.endsWith(`\n\n${before}`))) return;
    const words = before ? value.slice(0, -before.length - 2) : value;
    field.value = this.signedAs ? `${words}\n\n${this.signedAs}` : words;
    field.setSelectionRange(selectionStart, selectionStart);
    this.boxes[0].counted();
  }

  typed({ target }) {
    // A post stays with its account, so another account gets a copy, which takes its place.
    if (target.name === "account") {
      this.sign();
      this.moved = true; this.zone(); this.when.begin(); this.accounts.begin(); }
    if (target.name === "split") this.boxes.forEach(box => box.counted());
    if (target.name === "quote") this.boxes[0].quote = target.value.trim() || null;
    if (target.name === "card") this.boxes[0].card = target.checked ? target.value : "none";
    if (this.when.bar.contains(target)) this.timed(); else if (!target.closest("[data-box]")) this.changed();
  }

  timed() { this.dirty = true; this.keepHere(); }
  changed() {
    this.dirty = true;
    $("[data-saved]").textContent = "Saving…";
    this.keepHere();
    this.save();
    this.look();
  }

  key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.form.requestSubmit(); }
    if (event.key === "Escape") { event.preventDefault(); this.leave(); }
  }

  // The labels that were used before complete what is typed.
  async campaigns() {
    const found = await look("/compose/campaigns", {}) ?? [];
    $("#campaigns", this.form).replaceChildren(...found.map(name => new Option(name)));
  }

  // Esc leads to the plan, when what can be saved is saved.
  async leave() {
    await this.saveNow();
    await this.saving;
    location.assign("/");
  }

  // The boxes of the thread.
  add(index, values) {
    const node = $("template", this.thread).content.firstElementChild.cloneNode(true);
    $("textarea", node).value = values?.text ?? "";
    this.thread.insertBefore(node, this.boxes[index]?.node ?? this.more);
    const box = new Box(node, this, values);
    this.boxes.splice(index, 0, box);
    this.placed();
    return box;
  }

  placed() {
    this.boxes.forEach((box, index) => box.placed(index, this.boxes.length));
    $("h1").textContent = this.boxes.length > 1 ? this.form.dataset.thread : this.form.dataset.title;
  }

  split(box) {
    const at = box.field.selectionStart, rest = box.text.slice(at).trimStart();
    box.field.value = box.text.slice(0, at).trimEnd();
    box.counted();
    const next = this.add(this.boxes.indexOf(box) + 1, { text: rest });
    next.field.focus();
    next.field.setSelectionRange(0, 0);
    this.changed();
  }

  join(box) {
    const next = this.boxes[this.boxes.indexOf(box) + 1];
    if (!next) return;
    if (box.video && next.video) { say("Each of them has a video, and a post has one. Remove one first.", true); return; }
    box.field.value = [box.text, next.text].filter(text => text.trim()).join("\n");
    box.images.push(...next.images);
    box.video ??= next.video;
    box.shots();
    box.counted();
    this.remove(next, box);
  }

  remove(box, then) {
    const index = this.boxes.indexOf(box);
    if (this.boxes.length < 2) return;
    this.boxes.splice(index, 1);
    box.node.remove();
    this.placed();
    const next = then ?? this.boxes[Math.max(index - 1, 0)];
    next.field.focus();
    next.field.setSelectionRange(next.text.length, next.text.length);
    this.changed();
  }

  move(box, step) {
    const from = this.boxes.indexOf(box), to = from + step;
    if (to < 0 || to >= this.boxes.length) return;
    const kept = document.activeElement;
    this.boxes.splice(from, 1);
    this.boxes.splice(to, 0, box);
    this.order();
    (kept?.hidden ? box.field : kept)?.focus();
    say(`It is post ${to + 1} of ${this.boxes.length} now.`);
  }

  order() {
    this.boxes.forEach(box => this.thread.insertBefore(box.node, this.more));
    this.placed();
    this.changed();
  }

  dragging() {
    const boxOf = event => this.boxes.find(box => box.node.contains(event.target));
    this.thread.addEventListener("dragstart", event => {
      if (!event.target.closest?.("[data-grip]")) return;
      this.dragged = { box: boxOf(event) };
      event.dataTransfer.setData("text/plain", "post");
    });
    this.thread.addEventListener("dragover", event => { if (this.dragged?.box && !this.dragged.item) event.preventDefault(); });
    this.thread.addEventListener("drop", event => {
      const { box, item } = this.dragged ?? {}, target = boxOf(event);
      if (!box || item || !target || target === box) return;
      event.preventDefault();
      const to = this.boxes.indexOf(target);
      this.boxes.splice(this.boxes.indexOf(box), 1);
      this.boxes.splice(to, 0, box);
      this.dragged = null;
      this.order();
    });
  }

  // A text that is too long becomes a thread, which can be edited, and be one text again.
  async cut(box) {
    if (this.splits) return;
    const before = box.text, found = await ask("POST", "/posts/text", { text: before, account: this.account, split: true }).catch(() => null);
    if (!found || found.pieces.length < 2 || box.text !== before) return;
    const index = this.boxes.indexOf(box);
    box.field.value = found.pieces[0];
    box.counted();
    const made = found.pieces.slice(1).map((text, place) => this.add(index + 1 + place, { text }));
    this.changed();
    say(`It is too long for one post, so it is a thread of ${found.pieces.length} now.`, false, button("quiet", "Make it one text again", () => {
      made.forEach(one => this.remove(one, box));
      box.field.value = before;
      box.counted();
      this.changed();
      say("");
    }));
  }

  // What there is to say.
  draft() {
    const value = name => this.fields[name]?.value.trim() ?? "";
    const several = name => value(name).split(",").map(item => item.trim()).filter(Boolean);
    const [first, ...rest] = this.filled;
    const row = { ...first.row(), quotes: this.fields.quotes.checked };
    // A post that was not the first one brings what is its own.
    if (first.copy_of > 1) row.tags = first.tags;
    row.reply_to = value("reply_to") || null;
    row.replies = value("replies") ? several("replies") : null;
    row.labels = several("label");
    row.langs = several("lang");
    row.split = this.splits;
    row.numbering = value("numbering");
    row.campaign = value("campaign");
    row.thread = rest.map(box => ({ copy_of: box.copy_of, ...box.row() }));
    return row;
  }

  // What differs from the post that is stored, as the fields of a request.
  changes(row = this.draft()) {
    const found = Object.entries(row).filter(([name, value]) => !same(value, this.values[name]));
    const changes = Object.fromEntries(found);
    if (changes.thread) changes.thread = changes.thread.map(part => this.part(part));
    // The server finds these in the text where they are not given, so it looks again where the text changes.
    if ("text" in changes) for (const name of ["langs", "quote"]) if (!row[name]?.length) changes[name] = row[name];
    return changes;
  }

  // A post of the thread: what is as it was is left out.
  part({ copy_of, ...own }) {
    const stored = copy_of > 1 ? this.values.thread?.[copy_of - 2] : copy_of ? this.values : {};
    const changed = Object.entries(own).filter(([name, value]) => (copy_of ? !same(value, stored?.[name]) : !same(value, { card: "auto", quote: null, video: null }[name])));
    return { ...(copy_of ? { copy_of } : {}), ...Object.fromEntries(changed.filter(([name, value]) => name !== "quote" || value)) };
  }

  // The content of a post that is not stored yet: a new one, or a copy of the one that is.
  content() {
    if (this.id !== null) return { copy_of: this.id, ...this.changes() };
    const row = this.draft();
    return { ...row, thread: row.thread.map(part => this.part(part)) };
  }

  keepHere() {
    const names = ["at", "every", "reply_to", "replies", "quote", "label", "lang", "campaign"];
    const fields = Object.fromEntries(names.filter(name => this.fields[name]).map(name => [name, this.fields[name].value]));
    this.kept.others(this.accounts.state());
    this.kept.write({ version: this.version, mode: this.mode, fields, tried: this.tried, boxes: this.boxes.map(box => ({ ...box.row(), video: box.video, copy_of: box.copy_of, tags: box.tags })) });
  }

  restore() {
    this.accounts.bring(this.kept.others());
    if (this.dirty) return;
    const state = this.kept.read();
    if (state && state.version === this.version) this.bring(state, "What was not saved yet is here again.");
    else if (state) say("This was changed elsewhere after you had written here.", true, button("", "Bring back what you had written", () => this.bring(state, "It is here again, and not saved yet.")));
    else if (this.id === null && this.empty) this.offer();
  }

  offer() {
    const [left] = this.kept.left();
    if (!left) return;
    const words = left.state.boxes[0].text.trim().slice(0, 40);
    say(`Something was written here and never saved: “${words}…”`, false,
      button("", "Bring it back", () => { this.kept.drop(left.key); this.bring(left.state, "It is here again."); }),
      button("quiet", "Drop it", () => { this.kept.drop(left.key); say(""); }));
  }

  bring({ boxes, fields, mode, tried }, words) {
    const now = this.boxes.map(box => box.text);
    if (!tried && same(now, boxes.map(box => box.text)) && same(this.boxes.map(box => box.row().images), boxes.map(box => box.images))) { this.kept.drop(); return; }
    this.boxes.splice(0).forEach(box => box.node.remove());
    boxes.forEach((box, index) => this.add(index, box));
    Object.assign(this.boxes[0].field, { id: "text", name: "text" });
    for (const [name, value] of Object.entries(fields)) if (this.fields[name]) this.fields[name].value = value;
    this.when.mode = mode;
    if (tried) this.tried = tried;
    this.when.look();
    this.changed();
    say(words);
  }

  async preview() {
    const place = $("[data-preview]", this.form);
    const notes = $("[data-notes]", this.form);
    if (this.empty) { place.replaceChildren(element("div", "seen soft", "The preview appears as you type.")); notes.replaceChildren(); return; }
    const number = (this.looked = (this.looked ?? 0) + 1);
    try {
      const found = await ask("POST", "/posts/preview", { ...this.content(), account: this.account });
      if (number !== this.looked) return;
      const here = new Set([...this.thumbs, ...this.boxes.flatMap(box => box.images.map(item => item.media))]);
      const seen = { account: found.account, name: await this.name(), has: cid => here.has(cid) };
      if (number !== this.looked) return;
      place.replaceChildren(...found.posts.map((record, index) => shownRecord(record, seen, index, found.posts.length)));
      notes.replaceChildren(...found.warnings.map(text => element("li", "", text)));
      if (found.replies) notes.append(element("li", "", found.replies.length ? `May reply: ${found.replies.join(", ")}` : "No one may reply"));
    } catch (error) {
      if (number === this.looked) notes.replaceChildren(element("li", "bad", error.message));
    }
  }

  // What readers see as the name of the account.
  name() {
    this.names ??= {};
    return this.names[this.account] ??= look("/compose/profile", { account: this.account }).then(found => found?.name ?? "");
  }

  zone() {
    const { zone } = this.chosen.dataset;
    if (zone) $("[data-zone]").textContent = `Times in ${zone}`;
  }

  label() {
    const place = $("[data-send]", this.form);
    if (this.busy && this.uploading) { place.textContent = "Uploading…"; return; }
    place.textContent = this.keepsTime && this.accounts.count < 2 ? "Save the changes" : this.when.words(this.accounts.count);
  }

  // Everything that stores a post waits for its files, and stores nothing if one of them did not arrive.
  async uploaded() {
    const failed = [];
    this.label();
    while (this.uploading) failed.push(...(await Promise.all(this.boxes.flatMap(box => [...box.uploads]))).flat());
    this.label();
    if (failed.length) throw new Error(`Nothing was sent, since ${failed.join(", ")} did not arrive. Choose it again, or press the button to go on without it.`);
  }

  saveNow() {
    if (this.sent || this.busy) return this.saving;
    const place = $("[data-saved]");
    if (this.empty) { place.textContent = this.id === null ? "" : "Not saved: it is empty"; this.kept.drop(); return this.saving; }
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
    if (this.id === null || this.moved) await this.replace(row, { draft: true });
    const isAsStored = !Object.keys(this.changes(row)).length;
    if (isAsStored && time.draft) {
      // What was changed was changed back.
      this.dirty = false;
      this.kept.drop();
      $("[data-saved]").textContent = "Draft saved";
      return { id: this.id };
    }
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
    const own = part => [part.text, media(part.images), media(part.video ? [part.video] : [])];
    return same([draft, ...draft.thread ?? []].map(own), [row, ...row.thread].map(own)) && (draft.quotes ?? true) === row.quotes
      && same(draft.replies ?? null, row.replies) && same(draft.labels ?? [], row.labels) && (draft.split ?? false) === row.split
      && (draft.campaign ?? "") === row.campaign;
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
    this.keepHere();
    return this.finish();
  }

  // If the answer is lost, the same again under the same key finds the post that was made, and makes no second one.
  async finish() {
    const { body, row, old, key } = this.tried;
    try {
      const made = await ask("POST", "/posts", { ...body, key });
      this.tried = null;
      this.moved = made.account !== this.account;
      this.placedAt = body.draft ? null : made;
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
    this.filled.forEach((box, index) => { box.copy_of = index + 1; });
    const { tags, ...stored } = row;
    this.values = { ...stored, thread: row.thread.map((part, index) => ({ ...part, copy_of: index + 2 })) };
    this.scheduled = made.state !== "draft";
    if (this.failed) say("");
    this.failed = false;
    this.kept.moveTo(this.id);
    // A reload shows the draft, and makes no second one.
    if (!this.scheduled) history.replaceState(null, "", `/compose?draft=${this.id}`);
    const changes = this.changes();
    this.dirty = Object.keys(changes).length > 0;
    if (this.dirty) this.keepHere(); else this.kept.drop();
    const thumbs = [made.draft, ...made.draft?.thread ?? []].map(part => part?.card?.thumb?.cid).filter(Boolean);
    if (!same(thumbs, this.thumbs)) { this.thumbs = thumbs; this.look(); }
    $("[data-saved]").textContent = this.dirty ? "" : "Draft saved";
    return made;
  }

  trouble(error) {
    // Nobody answered, or nobody is signed in: it is tried again until somebody is.
    this.failed = error.status === undefined || error.status === 401;
    if (error.status === undefined) setTimeout(() => this.save(), RETRY_MS);
    const clash = error.status === 412 || error.status === 409;
    if (clash) {
      say("This was changed in another window. Reload the page to see it; what stands here is not saved.", true,
        button("", "Keep what stands here as another draft", () => this.branch()));
      this.kept.moveTo(null);
      this.keepHere();
    } else say(error.message, true);
    $("[data-saved]").textContent = clash ? "Not saved" : "";
  }

  // What stands here becomes a draft of its own, beside the one that somebody else changed.
  branch() {
    [this.id, this.version, this.values, this.scheduled, this.doubt] = [null, null, {}, false, null];
    this.boxes.forEach(box => { box.copy_of = null; });
    say("");
    this.saveNow();
  }

  async submit(event) {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    const send = $("[data-send]", this.form);
    send.disabled = true;
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
      send.disabled = false;
      this.label();
      if (!this.sent) this.save();
    }
  }

  async repeat() {
    const time = Object.fromEntries(["every", "starts", "until"].map(name => [name, this.fields[name].value.trim()]).filter(([, value]) => value));
    const skip = this.fields.skip.value.split(/[\s,]+/).filter(Boolean);
    return ask("POST", "/recurrences", { ...this.content(), account: this.account, every: "", ...time, ...(skip.length ? { skip } : {}) }).catch(error => {
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

  // A post for each account takes the place of the draft: all of them, or none. The same click again finds them.
  async sendAll(go) {
    if (this.mode === "every") throw new Error("A post that repeats is for one account. Choose a time, or one account.");
    if (this.mode === "at" && !this.when.at) throw new Error("No time is given. Write one, such as tomorrow 9:00, or keep it as a draft.");
    const wait = Math.max(Number(this.chosen.dataset.wait), 1);
    const at = { now: `in ${wait} seconds`, at: this.when.at.replace("T", " ") }[this.mode];
    await this.store({ draft: true });
    await this.unchanged();
    this.groupKey ??= `page-${crypto.randomUUID()}`;
    const made = await ask("POST", "/groups", { copy_of: this.id, ...this.accounts.row(), ...(at ? { at } : {}), key: this.groupKey })
      .catch(error => { if (error.status !== undefined) this.groupKey = null; throw error; });
    this.kept.others(null);
    await ask("DELETE", `/posts/${this.id}`);
    return go(`/posts/${made.posts[0].id}`, [`${made.posts.length} posts are scheduled, one for each account.`, ...made.warnings].join(" "));
  }

  async send() {
    const said = (made, done) => [done, ...made.warnings ?? []].join(" ");
    const go = (path, done) => { this.sent = true; this.kept.drop(); location.assign(`${path}?${new URLSearchParams({ done })}`); };
    if (this.mode === "every") {
      await this.settle();
      await this.unchanged();
      const made = await this.repeat();
      if (this.id !== null) await ask("DELETE", `/posts/${this.id}`);
      return go("/recurrences", `Planned: ${made.said}.`);
    }
    if (this.accounts.count > 1 && this.mode !== "draft") return this.sendAll(go);
    if (this.keepsTime) { const made = await this.store({}); return go(`/posts/${made.id}`, said(made, "The changes are saved.")); }
    if (this.mode === "draft") { await this.store({ draft: true }); return go("/", "The draft is kept."); }
    const wait = Number(this.chosen.dataset.wait);
    const at = { now: wait ? `in ${wait} seconds` : "now", at: this.when.at.replace("T", " ") }[this.mode];
    if (this.mode === "at" && !at) { this.fields.at.focus(); throw new Error("No time is given. Write one, such as tomorrow 9:00, or keep it as a draft."); }
    if (this.mode === "slot") {
      // A slot is given when a post is accepted, so a copy takes the place of the draft.
      if (this.id !== null || this.tried) await this.store({ draft: true });
      const made = this.placedAt ?? await this.replace(this.draft(), {});
      return go(`/posts/${made.id}`, said(made, "It has the next free slot."));
    }
    const made = await this.store({ at });
    return go(`/posts/${made.id}`, said(made, this.mode !== "now" ? "It is scheduled." : wait ? `It goes out in ${wait} seconds. You can still take it back.` : "It goes out now."));
  }
}
