// Keeps the shell (style, script, icon) for a quick start. Pages and data are never kept: they belong to who is signed in.
const SHELL = "skywrite-shell-2";
const FILES = ["/static/app.css", "/static/app.js", "/static/icon.svg"];
const isShell = path => FILES.includes(path) || path.startsWith("/static/js/");
addEventListener("install", event => event.waitUntil(caches.open(SHELL).then(cache => cache.addAll(FILES)).then(() => skipWaiting())));
addEventListener("activate", event => event.waitUntil(
  caches.keys().then(names => Promise.all(names.filter(name => name !== SHELL).map(name => caches.delete(name))))));
addEventListener("fetch", event => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || !isShell(url.pathname)) return;
  event.respondWith(fetch(event.request).then(answer => {
    const copy = answer.clone();
    if (answer.ok) caches.open(SHELL).then(cache => cache.put(event.request, copy));
    return answer;
  }).catch(() => caches.match(event.request)));
});
