// The bar with the time: the next free slot, tomorrow, a day to pick, words, again and again, now.
import { look } from "./api.js";
import { $, all, button, element, later } from "./dom.js";

const DAYS = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"], NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const two = number => String(number).padStart(2, "0");

export class When {
  constructor(form, owner) {
    Object.assign(this, { form, owner, fields: form.elements, bar: $("[data-when]", form), said: $("[data-at-said]", form), short: "", slot: "" });
    this.buttons();
    this.bar.addEventListener("input", event => this.changed(event));
  }

  get mode() { return this.fields.mode.value; }
  set mode(value) {
    const field = all("[name=mode]", this.bar).find(one => one.value === value);
    if (field) field.checked = true;
  }

  get at() { return this.fields.at?.value.trim() ?? ""; }

  buttons() {
    const place = $("[data-shortcuts]", this.bar);
    if (!place) return;
    place.append(
      button("pick", "Tomorrow 9:00", () => this.take("tomorrow 9:00")),
      button("pick", "Pick a day…", () => this.pick()),
    );
    $("[data-editor]", this.bar)?.append(button("quiet", "Edit…", () => this.repeat()));
  }

  async begin() {
    const { slots } = this.owner.chosen.dataset, field = $("[name=mode][value=slot]", this.bar);
    if (field) {
      field.closest("label").hidden = !slots;
      if (slots && this.mode === "at" && !this.at) this.mode = "slot";
      if (!slots && this.mode === "slot") this.mode = "at";
    }
    this.look();
    if (!slots || !field) return;
    const found = await look("/compose/slot", { account: this.owner.account });
    this.slot = found?.short ?? "";
    $("span", field.closest("label")).textContent = this.slot ? `Next slot · ${this.slot}` : "Next slot";
    this.owner.label();
  }

  changed({ target }) {
    if (target.name === "at") this.mode = "at";
    if (target.name === "every") this.mode = "every";
    this.look();
  }

  take(at) {
    this.fields.at.value = at;
    this.mode = "at";
    this.owner.timed();
    this.look();
    this.fields.at.focus();
  }

  look() {
    all("[data-for]", this.bar).forEach(place => { place.hidden = place.dataset.for !== this.mode; });
    this.short = "";
    this.owner.label();
    this.understand();
  }

  // What was typed is said back: the weekday, the date, the zone; or why it is not understood.
  understand = later(200, async () => {
    const { mode } = this, typed = mode === "every" ? this.fields.every.value.trim() : this.at, field = this.fields[mode];
    if (!["at", "every"].includes(mode) || !typed) { this.say("", true, field); return; }
    const found = await look(`/compose/${mode === "at" ? "time" : "every"}`, { [mode]: typed, account: this.owner.account });
    if (!found || mode !== this.mode || typed !== this.fields[mode].value.trim()) return;
    this.short = found.ok ? found.short ?? "" : "";
    this.say([found.said, found.hint].filter(Boolean).join(" — "), found.ok, field);
    this.owner.label();
  });

  say(text, ok, field) {
    this.said.textContent = text;
    this.said.classList.toggle("bad", !ok);
    field?.setAttribute?.("aria-invalid", String(!ok));
  }

  words(count) {
    const what = count > 1 ? `Schedule ${count} posts` : "Schedule";
    const words = { now: "Post now", draft: "Keep the draft", every: "Post again and again" }[this.mode];
    const at = this.mode === "slot" ? this.slot : this.short;
    return words ?? (at ? `${what} · ${at}` : what);
  }

  dialog(title, ...content) {
    const made = element("dialog", "sheet"), heading = element("h2", "", title);
    made.setAttribute("aria-label", title);
    made.append(heading, ...content, button("quiet", "Close", () => made.close()));
    made.addEventListener("close", () => made.remove());
    made.addEventListener("keydown", event => event.stopPropagation());
    made.addEventListener("input", event => event.stopPropagation());
    this.form.append(made);
    made.showModal();
    return made;
  }

  // A month, the times of a day, and the zone.
  pick() {
    const grid = element("div", "month-grid"), head = element("div", "row"), title = element("strong");
    const zone = this.owner.chosen.dataset.zone || "UTC", here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const zones = element("select"), times = element("input");
    zones.setAttribute("aria-label", "Time zone");
    for (const name of new Set([zone, here, "UTC"])) zones.append(new Option(name, name));
    Object.assign(times, { type: "time", value: "09:00", step: 300 });
    times.setAttribute("aria-label", "Time");
    const list = element("datalist");
    list.id = "times-of-day";
    for (let half = 12; half < 46; half += 1) list.append(new Option(`${two(half >> 1)}:${half % 2 ? "30" : "00"}`));
    times.setAttribute("list", list.id);
    const now = new Date(), shown = new Date(Date.UTC(now.getFullYear(), now.getMonth(), 1));
    let chosen = "";
    const draw = focus => {
      const first = new Date(shown), count = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
      title.textContent = first.toLocaleDateString("en", { month: "long", year: "numeric", timeZone: "UTC" });
      grid.replaceChildren(...DAYS.map(name => element("span", "soft", name)), ...Array.from({ length: (first.getUTCDay() + 6) % 7 }, () => element("span")));
      for (let day = 1; day <= count; day += 1) {
        const iso = `${first.getUTCFullYear()}-${two(first.getUTCMonth() + 1)}-${two(day)}`;
        const one = button("quiet day-button", String(day), () => { chosen = iso; draw(day); }, new Date(`${iso}T00:00Z`).toLocaleDateString("en", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" }));
        one.disabled = iso < `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
        one.setAttribute("aria-pressed", String(iso === chosen));
        one.dataset.day = day;
        grid.append(one);
      }
      if (focus) $(`[data-day="${focus}"]`, grid)?.focus();
    };
    const turn = step => { shown.setUTCMonth(shown.getUTCMonth() + step); draw(); };
    grid.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key], day = Number(event.target.dataset?.day);
      if (!step || !day) return;
      event.preventDefault();
      const other = $(`[data-day="${day + step}"]`, grid);
      if (other) { other.focus(); return; }
      const date = new Date(shown);
      date.setUTCDate(day + step);
      shown.setUTCFullYear(date.getUTCFullYear(), date.getUTCMonth(), 1);
      draw(date.getUTCDate());
    });
    head.append(button("quiet tool", "‹", () => turn(-1), "Earlier month"), title, button("quiet tool", "›", () => turn(1), "Later month"));
    const row = element("div", "row");
    row.append(times, list, zones);
    const made = this.dialog("Pick a day", head, grid, row, button("main", "Take it", () => {
      if (!chosen) { $("[data-day]:not(:disabled)", grid)?.focus(); return; }
      made.close();
      this.take(`${chosen} ${times.value || "09:00"}${zones.value === zone ? "" : ` ${zones.value}`}`);
    }));
    draw();
  }

  // A recurrence as an editor: its rhythm, its days, its hour, when it begins and ends.
  repeat() {
    const rhythm = element("select"), time = Object.assign(element("input"), { type: "time", value: "09:00" }), days = element("div", "row");
    const day = Object.assign(element("input"), { type: "number", min: 1, max: 31, value: 1 });
    const [starts, until] = ["starts", "until"].map(name => Object.assign(element("input"), { type: "date", value: this.fields[name].value.slice(0, 10) }));
    for (const [value, words] of [["daily", "Every day"], ["weekdays", "Every weekday"], ["weekly", "Every week"], ["two", "Every two weeks"], ["monthly", "Every month"]]) rhythm.append(new Option(words, value));
    rhythm.value = "weekdays";
    NAMES.forEach((name, index) => {
      const one = element("label", "pick"), box = Object.assign(element("input"), { type: "checkbox", value: DAYS[index].toUpperCase(), checked: !index });
      one.append(box, element("span", "", name.slice(0, 3)));
      days.append(one);
    });
    const except = Object.assign(element("input"), { value: this.fields.skip.value, placeholder: "2026-12-25, 2027-01-01".replace(/20\d\d/g, year => Number(year) - 2026 + new Date().getFullYear()) });
    const field = (words, input) => { const one = element("label", "field", words); one.append(input); return one; };
    const dayOf = field("Day of the month", day);
    const show = () => { days.hidden = !["weekly", "two"].includes(rhythm.value); dayOf.hidden = rhythm.value !== "monthly"; };
    rhythm.addEventListener("input", show);
    const rule = () => {
      const at = time.value || "09:00", [hour, minute] = at.split(":").map(Number);
      const chosen = all("input:checked", days).map(one => one.value);
      if (rhythm.value === "monthly") return `monthly ${day.value || 1} ${at}`;
      if (rhythm.value === "daily" || rhythm.value === "weekdays") return `${rhythm.value} ${at}`;
      if (rhythm.value === "weekly") return `${chosen.map(one => NAMES[DAYS.findIndex(name => name.toUpperCase() === one)].slice(0, 3).toLowerCase()).join(",")} ${at}`;
      return `RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=${chosen.join(",")};BYHOUR=${hour};BYMINUTE=${minute};BYSECOND=0`;
    };
    show();
    const made = this.dialog("Again and again", field("How often", rhythm), days, dayOf, field("At", time), field("From", starts), field("Until", until), field("Except on these days", except), button("main", "Take it", () => {
      this.fields.every.value = rule();
      this.fields.starts.value = starts.value || (rhythm.value === "two" ? "today" : "");
      this.fields.until.value = until.value;
      this.fields.skip.value = except.value.trim();
      made.close();
      this.mode = "every";
      this.owner.timed();
      this.look();
    }));
  }
}
