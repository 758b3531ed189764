// A post as readers see it, from the records that would be published.
import { look } from "./api.js";
import { element, image } from "./dom.js";

// `seen`: the handle, and the media that are here, by their addresses.
export function shownRecord(record, seen, index, count) {
  const box = element("article", index + 1 < count ? "seen goes-on" : "seen");
  const author = element("div", "author");
  const who = element("div");
  who.append(element("strong", "", seen.name || seen.account), element("small", "", `@${seen.account}${count > 1 ? ` · ${index + 1} of ${count}` : ""}`));
  author.append(face(seen.account), who);
  box.append(author, body(record));
  embed(record.embed, box, seen);
  return box;
}

const quotes = new Map();

// A quoted post is looked up once.
function quotation(uri, { account }) {
  if (!quotes.has(uri)) quotes.set(uri, look("/compose/quoted", { uri, account }));
  return quotes.get(uri);
}

function words({ handle, name, text }) {
  const place = element("div");
  place.append(element("strong", "", name || handle), element("small", "", ` @${handle}`), element("p", "", text));
  return place;
}

export function face(account, colour = "") {
  const made = element("span", `face ${colour}`.trim(), account.slice(0, 1).toUpperCase());
  made.setAttribute("aria-hidden", "true");
  return made;
}

function body(record) {
  const place = element("p", "body");
  const bytes = new TextEncoder().encode(record.text), decoder = new TextDecoder();
  let at = 0;
  for (const facet of [...(record.facets ?? [])].sort((a, b) => a.index.byteStart - b.index.byteStart)) {
    if (facet.index.byteStart < at) continue;
    place.append(decoder.decode(bytes.slice(at, facet.index.byteStart)));
    place.append(element("b", "", decoder.decode(bytes.slice(facet.index.byteStart, facet.index.byteEnd))));
    at = facet.index.byteEnd;
  }
  place.append(decoder.decode(bytes.slice(at)));
  return place;
}

function embed(found, box, seen) {
  if (!found) return;
  const kind = found.$type.split(".").at(-1);
  if (kind === "recordWithMedia") { embed(found.media, box, seen); embed(found.record, box, seen); return; }
  if (kind === "images" || kind === "gallery") {
    const items = found.images ?? found.items, grid = element("div", `grid of-${Math.min(items.length, 5)}`);
    for (const item of items) {
      const cell = element("div", "cell");
      cell.append(image(item.image.ref.$link, item.alt));
      if (item.alt) cell.append(element("span", "alt", "ALT"));
      grid.append(cell);
    }
    box.append(grid);
  } else if (kind === "external") {
    const card = element("div", "link"), { title, description, uri, thumb } = found.external;
    if (thumb?.ref && seen.has(thumb.ref.$link)) card.append(image(thumb.ref.$link, ""));
    const words = element("div");
    words.append(element("strong", "", title), element("p", "soft", description), element("small", "", new URL(uri).host));
    card.append(words);
    box.append(card);
  } else if (kind === "video") {
    const name = found.presentation === "gif" ? "GIF" : "Video";
    const frame = element("div", "link film");
    frame.append(element("div", "", `${name}: ${found.alt || "no description"}`));
    box.append(frame);
  } else if (kind === "record") {
    const { uri } = found.record.record ?? found.record, quote = element("div", "link quote");
    quote.dataset.uri = uri;
    quote.append(element("div", "soft", "Quotes a post"));
    box.append(quote);
    quotation(uri, seen).then(shown => { if (shown?.handle) quote.replaceChildren(words(shown)); });
  }
}
