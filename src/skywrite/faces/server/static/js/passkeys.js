// Passkeys: the browser makes and uses them; the server checks what it brings.
import { $, say } from "./dom.js";

async function send(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
    .catch(() => { throw new Error("Skywrite does not answer. Try again."); });
  const result = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error([result.detail ?? "The server did not answer.", result.hint].filter(Boolean).join(" "));
  return result;
}

function passkeyTrouble(error) {
  const refused = error.name === "NotAllowedError" || error.name === "AbortError";
  const known = error.name === "InvalidStateError";
  say(known ? "This device has a passkey of yours already." : refused ? "No passkey was used. Try again, or use a link." : error.message, true);
}

export function addPasskey(form) {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) return;
  form.hidden = false;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    try {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await send("/passkeys/options", {}));
      const made = await navigator.credentials.create({ publicKey });
      await send("/passkeys", { name: form.elements.name.value, credential: made.toJSON() });
      location.assign(`/settings?${new URLSearchParams({ done: "The passkey is added. Next time it signs you in." })}`);
    } catch (error) { passkeyTrouble(error); }
  });
}

export function usePasskey(place) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return;
  place.hidden = false;
  $("button", place).addEventListener("click", async () => {
    try {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await send("/passkeys/sign-in/options", {}));
      const used = await navigator.credentials.get({ publicKey });
      await send("/passkeys/sign-in", { credential: used.toJSON() });
      // The page that was asked for stands at this address.
      location.reload();
    } catch (error) { passkeyTrouble(error); }
  });
}
