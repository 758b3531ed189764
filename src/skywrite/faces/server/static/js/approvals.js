// The keys of the page of approvals: j and k go from post to post, a approves, r rejects with a note.

const posts = [...document.querySelectorAll("[data-review]")];
let at = -1;

function go(step) {
  at = Math.min(Math.max(at + step, 0), posts.length - 1);
  posts[at]?.focus();
  posts[at]?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("focusin", (event) => {
  const post = event.target.closest("[data-review]");
  if (post) at = posts.indexOf(post);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  // What is decided is what has the focus, never what had it.
  const post = event.target.closest("[data-review]");
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") post?.focus();
    return;
  }
  if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
  else if (event.key === "a" && !event.repeat) post?.querySelector("[data-approve]")?.click();
  else if (event.key === "r") post?.querySelector("[data-note]")?.focus();
  else return;
  event.preventDefault();
});

// In the note of a rejection, Enter rejects: it was reached by r, not by a button.
for (const note of document.querySelectorAll("[data-note]")) {
  note.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    note.form.querySelector("[data-reject]").focus();
  });
}
