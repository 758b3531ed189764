// What one types is kept in this browser until the server has it: a reload, a crash or a lost line takes nothing away.
const PREFIX = "skywrite-compose:";

export class Kept {
  // `id` is null for what has no number yet: then each tab keeps its own.
  constructor(id) {
    sessionStorage.tab ??= crypto.randomUUID();
    this.moveTo(id);
  }

  moveTo(id) {
    const key = PREFIX + (id ?? `new:${sessionStorage.tab}`);
    const others = this.key && this.key !== key ? this.others() : null;
    if (others) { this.drop(); this.others(null); }
    this.key = key;
    if (others?.others) this.others(others);
  }

  write(state) {
    try { localStorage.setItem(this.key, JSON.stringify({ ...state, at: Date.now() })); } catch { /* full, or not allowed */ }
  }

  read(key = this.key) {
    try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
  }

  drop(key = this.key) { localStorage.removeItem(key); }

  // Who else posts it: kept as long as it is a draft.
  others(state) {
    const key = `${this.key}:accounts`;
    if (state === undefined) return this.read(key) ?? {};
    if (state?.others.length) localStorage.setItem(key, JSON.stringify(state)); else localStorage.removeItem(key);
    return state;
  }

  // What other tabs left behind that was never saved: tabs that are gone.
  left() {
    return Object.keys(localStorage).filter(key => key.startsWith(`${PREFIX}new:`) && key !== this.key)
      .map(key => ({ key, state: this.read(key) })).filter(({ state }) => state?.boxes?.some(box => box.text.trim()));
  }
}
