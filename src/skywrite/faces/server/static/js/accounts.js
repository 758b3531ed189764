// Several accounts with one text: who else posts it, and what is different there.
import { $, all, element } from "./dom.js";

export class Accounts {
  constructor(form, owner) {
    Object.assign(this, { form, owner, place: $("[data-also]", form), texts: $("[data-variants]", form), variants: {} });
    this.place?.addEventListener("input", event => { event.stopPropagation(); this.changed(); });
  }

  get fields() { return this.place ? all("input", this.place) : []; }
  // The accounts beside the one that the draft belongs to.
  get others() { return this.fields.filter(one => one.checked && one.value !== this.owner.account).map(one => one.value); }
  get count() { return this.others.length + 1; }

  // An account is not beside itself.
  begin() {
    this.fields.forEach(one => { one.closest("label").hidden = one.value === this.owner.account; });
    this.draw();
  }

  changed() { this.draw(); this.owner.timed(); this.owner.label(); }

  draw() {
    const { others } = this;
    all("[data-variant]", this.texts).forEach(node => { if (!others.includes(node.dataset.variant)) node.remove(); });
    for (const handle of others) if (!$(`[data-variant="${CSS.escape(handle)}"]`, this.texts)) this.texts.append(this.variant(handle));
  }

  variant(handle) {
    const box = element("details", "card"), field = element("textarea"), label = element("summary", "", `Another text for ${handle}`);
    box.dataset.variant = handle;
    Object.assign(field, { rows: 3, value: this.variants[handle] ?? "", placeholder: "The same as above" });
    field.setAttribute("aria-label", `Text for ${handle}`);
    box.open = Boolean(field.value);
    field.addEventListener("input", event => { event.stopPropagation(); this.variants[handle] = field.value; this.owner.timed(); });
    box.append(label, field);
    return box;
  }

  // The fields of a request.
  row() {
    const { others } = this;
    const variants = others.filter(handle => this.variants[handle]?.trim()).map(handle => ({ account: handle, text: this.variants[handle] }));
    return { accounts: [this.owner.account, ...others], variants };
  }

  state() { return { others: this.others, variants: this.variants }; }

  bring({ others = [], variants = {} } = {}) {
    this.variants = variants;
    this.fields.forEach(one => { one.checked = others.includes(one.value); });
    this.draw();
  }
}
