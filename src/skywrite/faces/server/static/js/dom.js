// What all modules need of a page. They only write text, never markup.
export const $ = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

export function say(text, trouble = false, ...more) {
  const place = $("[data-said]");
  if (!place) return;
  if (!text) { place.replaceChildren(); return; }
  const line = element("p", trouble ? "trouble" : "", text);
  line.append(...more.flatMap(one => [" ", one]));
  place.replaceChildren(line);
}

export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export function later(milliseconds, call) {
  let timer = 0;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => call(...given), milliseconds); };
}

export function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function button(className, text, call, label = "") {
  const made = element("button", className, text);
  made.type = "button";
  if (label) { made.setAttribute("aria-label", label); made.title = label; }
  made.addEventListener("click", call);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function drawing(className, box, ...shapes) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", className);
  made.setAttribute("viewBox", box);
  made.setAttribute("aria-hidden", "true");
  for (const [name, values] of shapes) {
    const shape = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(values)) shape.setAttribute(key, value);
    made.append(shape);
  }
  return made;
}

export const icon = path => drawing("icon", "0 0 24 24", ["path", { d: path }]);

export const image = (cid, alt) => Object.assign(element("img"), { src: `/image/${encodeURIComponent(cid)}`, alt });
