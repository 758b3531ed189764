// A post of a thread, as it is written: its text, its count, its pictures and video, and its tools.
import { API, ask, refusal } from "./api.js";
import { Completion } from "./complete.js";
import { $, all, button, drawing, element, icon, image, later, say } from "./dom.js";

const ICONS = { up: "M6 15l6-6 6 6", down: "M6 9l6 6 6-6", cross: "M6 6l12 12M18 6L6 18", left: "M15 5l-7 7 7 7", right: "M9 5l7 7-7 7",
  split: "M4 12h16M12 4v4M12 16v4", join: "M12 4v16M8 8l4-4 4 4M8 16l4 4 4-4", grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  snippet: "M6 4h12v16l-6-4-6 4z",
  face: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18M9 10h.01M15 10h.01M8 14q4 4 8 0" };
const tool = (name, label, call) => { const made = button("quiet tool", "", call, label); made.append(icon(ICONS[name])); return made; };

export class Box {
  // `owner`: the composer. `values`: images, video, card, quote, and `copy_of`, its number in the thread that is stored.
  constructor(node, owner, { text, ...values } = {}) {
    Object.assign(this, { node, owner, images: [], video: null, card: "auto", quote: null, copy_of: null, tags: [] }, structuredClone(values));
    this.field = $("textarea", node);
    this.files = $("input[type=file]", node);
    this.output = $("[data-count]", node);
    this.list = $("[data-shots]", node);
    this.uploads = new Set();
    this.lines = new Map();
    this.asked = 0;
    new Completion(this.field, () => owner.account);
    this.tools();
    node.addEventListener("input", event => { if (event.target === this.field) { this.count(); owner.changed(); } });
    node.addEventListener("keydown", event => this.key(event));
    this.field.addEventListener("paste", event => this.paste(event));
    this.files.addEventListener("change", () => { this.take(this.files.files); this.files.value = ""; });
    this.dropping();
    this.shots();
    this.counted();
  }

  get text() { return this.field.value; }
  get empty() { return this.bare && !this.images.length && !this.video; }

  // A signature alone says nothing yet.
  get bare() { return !this.text.trim() || (this === this.owner.boxes[0] && this.text.trim() === this.owner.signature); }

  // The fields of this post in a request.
  row() {
    return {
      text: this.text,
      images: this.images.map(({ media, alt }) => ({ media, alt })),
      video: this.video ? { media: this.video.media, alt: this.video.alt } : null,
      card: this.card,
      quote: this.quote,
    };
  }

  tools() {
    const { owner } = this, bar = $("[data-tools]", this.node);
    const ring = drawing("ring", "0 0 24 24", ["circle", { cx: 12, cy: 12, r: 9 }], ["circle", { cx: 12, cy: 12, r: 9, pathLength: 100, "stroke-dasharray": "0 100" }]);
    this.ring = ring.lastChild;
    this.buttons = {
      emoji: tool("face", "Emoji", () => this.begin(":sm")),
      snippets: tool("snippet", "Snippets", () => this.begin(";")),
      split: tool("split", "Split here", () => owner.split(this)),
      join: tool("join", "Join with the next post", () => owner.join(this)),
      up: tool("up", "Move up", () => owner.move(this, -1)),
      down: tool("down", "Move down", () => owner.move(this, 1)),
      remove: tool("cross", "Remove this post", () => owner.remove(this)),
    };
    this.buttons.snippets.hidden = !owner.form.dataset.snippets;
    bar.append(...Object.values(this.buttons), this.output, ring);
    this.grip = $("[data-grip]", this.node);
    this.grip.draggable = true;
    this.grip.append(icon(ICONS.grip));
    this.grip.hidden = false;
  }

  // Where the post stands, and what can be done with it there.
  placed(index, count) {
    const name = count > 1 ? `Post ${index + 1} of ${count}` : "Text";
    this.field.setAttribute("aria-label", name);
    this.node.setAttribute("aria-label", name);
    const { join, up, down, remove } = this.buttons;
    [join.hidden, up.hidden, down.hidden, remove.hidden] = [index + 1 >= count, !index || count < 2, index + 1 >= count, count < 2];
    this.grip.hidden = count < 2;
  }

  // What opens a list, as if one had typed it.
  begin(sign) {
    const before = this.text.slice(0, this.field.selectionStart);
    this.field.focus();
    this.field.setRangeText(/\S$/.test(before) ? ` ${sign}` : sign, this.field.selectionStart, this.field.selectionEnd, "end");
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  key(event) {
    const { field, owner } = this;
    const step = event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step && owner.boxes.length > 1) { event.preventDefault(); owner.move(this, step); }
    if (event.target === field && event.key === "Backspace" && !this.text && this.empty && owner.boxes.length > 1) { event.preventDefault(); owner.remove(this); }
  }

  paste(event) {
    const { clipboardData } = event;
    if (clipboardData?.files.length) { this.take(clipboardData.files); event.stopPropagation(); return; }
    // More than a post holds: when it stands in the field, it is offered as a thread.
    if ((clipboardData?.getData("text/plain") ?? "").length > 200) setTimeout(() => this.owner.cut(this));
  }

  count = later(150, () => this.counted());

  async counted() {
    const number = ++this.asked;
    try {
      const { owner } = this;
      const found = await ask("POST", "/posts/text", { text: this.text, account: owner.account, split: owner.splits });
      if (number !== this.asked) return;
      const last = found.posts.at(-1), used = 100 - 100 * last.left / found.most_graphemes;
      this.output.textContent = found.posts.length > 1 ? `${found.posts.length} posts, ${last.left} left in the last` : `${last.graphemes} of ${found.most_graphemes}`;
      this.output.classList.toggle("over", !last.fits);
      this.ring.setAttribute("stroke-dasharray", `${Math.min(used, 100)} 100`);
      this.ring.parentNode.classList.toggle("full", last.left < 20);
    } catch { this.output.textContent = ""; }
  }

  dropping() {
    const isFile = event => event.dataTransfer?.types.includes("Files");
    const over = on => event => { if (isFile(event)) { event.preventDefault(); this.node.classList.toggle("over", on); } };
    this.node.addEventListener("dragover", over(true));
    this.node.addEventListener("dragleave", over(false));
    this.node.addEventListener("drop", event => { over(false)(event); if (isFile(event)) this.take(event.dataTransfer.files); });
  }

  // The list of files of a field empties itself with the field, so it is read at once.
  take(files) {
    const work = this.uploadAll([...files ?? []]);
    this.uploads.add(work);
    work.finally(() => { this.uploads.delete(work); this.owner.label(); });
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
      this.owner.changed();
    }
    return failed;
  }

  add({ media, mime, gif, warnings }) {
    const isVideo = mime.startsWith("video/");
    if (isVideo && this.video) throw new Error("A post has one video. Remove the first one, or put this one into a post of its own.");
    if (isVideo) this.video = { media, alt: "", gif }; else this.images.push({ media, alt: "" });
    warnings.forEach(text => say(text));
  }

  waiting(file) {
    const line = element("li");
    line.dataset.waiting = "";
    const bar = element("progress");
    bar.setAttribute("aria-label", `Uploading ${file.name}`);
    bar.max = file.size;
    line.append(element("span"), element("span", "soft", file.name), bar);
    this.list.append(line);
    return line;
  }

  // What is too large is not sent at all: a browser that is still sending does not read why it was refused.
  upload(file, line) {
    const most = Number(this.owner.form.dataset.maxBytes);
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
    const items = [...this.images, ...(this.video ? [this.video] : [])];
    const lines = items.map((item, index) => this.line(item, index));
    [...this.list.children].forEach(line => { if (!lines.includes(line) && !("waiting" in line.dataset)) line.remove(); });
    lines.forEach((line, index) => { if (this.list.children[index] !== line) this.list.insertBefore(line, this.list.children[index] ?? null); });
  }

  line(item, index) {
    const name = this.video !== item ? `image ${index + 1}` : item.gif ? "GIF" : "video";
    const line = this.lines.get(item) ?? this.newLine(item, name);
    this.lines.set(item, line);
    $("textarea", line).setAttribute("aria-label", `Description of ${name}`);
    const [earlier, later, away] = all("button", line);
    [earlier, later].forEach((one, place) => {
      one.hidden = this.video === item || (place ? index + 1 >= this.images.length : !index);
      one.setAttribute("aria-label", `Move ${name} to the ${place ? "right" : "left"}`);
    });
    away.setAttribute("aria-label", `Remove ${name}`);
    line.classList.toggle("bare", !item.alt.trim());
    return line;
  }

  newLine(item, name) {
    const line = element("li");
    const alt = Object.assign(element("textarea"), { value: item.alt, rows: 2, placeholder: "Describe it for people who cannot see it" });
    alt.addEventListener("input", () => { item.alt = alt.value; line.classList.toggle("bare", !item.alt.trim()); this.owner.changed(); });
    const away = tool("cross", "Remove", () => {
      this.images = this.images.filter(other => other !== item);
      if (this.video === item) this.video = null;
      this.shots();
      this.owner.changed();
      this.field.focus();
    });
    const acts = element("div", "acts");
    acts.append(tool("left", "Left", () => this.shift(item, -1)), tool("right", "Right", () => this.shift(item, 1)), away);
    const shown = this.video === item ? element("span", "drop", name === "GIF" ? "GIF" : "Video") : image(item.media, item.alt);
    if (this.video !== item) this.dragging(shown, item);
    line.append(shown, alt, acts);
    return line;
  }

  dragging(shown, item) {
    shown.draggable = true;
    shown.addEventListener("dragstart", event => { this.owner.dragged = { box: this, item }; event.dataTransfer.setData("text/plain", "image"); event.stopPropagation(); });
    shown.addEventListener("dragover", event => { if (this.owner.dragged?.item) event.preventDefault(); });
    shown.addEventListener("drop", event => {
      const { box, item: moved } = this.owner.dragged ?? {};
      if (!moved || moved === item) return;
      event.preventDefault();
      event.stopPropagation();
      box.images = box.images.filter(one => one !== moved);
      this.images.splice(this.images.indexOf(item), 0, moved);
      this.owner.dragged = null;
      [box, this].forEach(one => one.shots());
      this.owner.changed();
    });
  }

  shift(item, step) {
    const from = this.images.indexOf(item), kept = document.activeElement;
    this.images.splice(from, 1);
    this.images.splice(from + step, 0, item);
    this.shots();
    (kept?.hidden ? $("textarea", this.lines.get(item)) : kept)?.focus();
    this.owner.changed();
  }
}
