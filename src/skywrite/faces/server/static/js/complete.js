// Completion while one types: people after @, hashtags after #, emoji after :, snippets after ;. Focus stays in the text;
// arrows choose.
import { look } from "./api.js";
import { element, later } from "./dom.js";

const KINDS = [
  { sign: "@", typed: /(?:^|[\s("'])@([a-z0-9][a-z0-9.-]*)$/i, name: "People", path: "/compose/people" },
  { sign: "#", typed: /(?:^|[\s("'])#([\p{L}\p{N}_]+)$/u, name: "Hashtags", path: "/compose/tags" },
  { sign: ":", typed: /(?:^|\s):([a-z]{2,})$/i, name: "Emoji", path: "/compose/emoji" },
  { sign: ";", typed: /(?:^|\s);([a-z][a-z0-9-]*)?$/i, name: "Snippets", path: "/compose/snippets" },
];
let lists = 0;

export class Completion {
  constructor(field, account) {
    lists += 1;
    this.list = Object.assign(element("ul", "people"), { id: `found-${lists}`, hidden: true });
    this.list.setAttribute("role", "listbox");
    this.said = element("p", "hidden");
    this.said.setAttribute("role", "status");
    Object.assign(this, { field, account, chosen: -1, found: [], asked: 0 });
    field.after(this.list, this.said);
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", this.list.id);
    field.addEventListener("input", () => this.look());
    field.addEventListener("keydown", event => this.key(event));
    field.addEventListener("blur", () => this.close());
    this.list.addEventListener("pointerdown", event => {
      event.preventDefault();
      const place = event.target.closest("[role=option]");
      if (place) this.take(this.found[[...this.list.children].indexOf(place)]);
    });
  }

  // What is being typed: its kind, and the letters after the sign.
  typed() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    for (const kind of KINDS) {
      const found = kind.typed.exec(before);
      if (found) return { kind, letters: found[1] ?? "" };
    }
    return null;
  }

  look = later(150, async () => {
    const now = this.typed(), number = ++this.asked;
    if (!now) return this.close();
    const found = await look(now.kind.path, { q: now.letters, account: this.account() }) ?? [];
    const still = this.typed();
    if (number !== this.asked || now.letters !== still?.letters || document.activeElement !== this.field) return;
    this.show(now, found.filter(one => one.insert.toLowerCase() !== now.kind.sign + now.letters.toLowerCase()));
  });

  show({ kind }, found) {
    this.found = found;
    this.list.setAttribute("aria-label", kind.name);
    this.list.replaceChildren(...found.map(({ insert, name, about }, index) => {
      const line = element("li", "", name || insert);
      line.id = `${this.list.id}-${index}`;
      line.setAttribute("role", "option");
      if (name) line.append(element("small", "", about ?? insert));
      return line;
    }));
    this.list.hidden = !found.length;
    this.said.textContent = found.length ? `${kind.name}: ${found.length} found; choose with the arrows` : "";
    this.choose(found.length ? 0 : -1);
  }

  choose(index) {
    this.chosen = index;
    [...this.list.children].forEach((line, place) => line.setAttribute("aria-selected", String(place === index)));
    if (index < 0) this.field.removeAttribute("aria-activedescendant");
    else this.field.setAttribute("aria-activedescendant", `${this.list.id}-${index}`);
  }

  close() { this.asked += 1; this.show({ kind: KINDS[0] }, []); }

  key(event) {
    if (this.list.hidden || event.ctrlKey || event.metaKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.choose((this.chosen + step + this.found.length) % this.found.length);
    else if (event.key === "Enter" || event.key === "Tab") this.take(this.found[this.chosen]);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  take({ insert }) {
    const end = this.field.selectionStart, { letters } = this.typed() ?? { letters: "" };
    this.field.setRangeText(`${insert} `, end - letters.length - 1, end, "end");
    this.close();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
