// Requests to the server, and what is said where one fails.
export const API = "/api/v1";

const SILENT = "Skywrite does not answer. What you wrote is still here, and is saved as soon as it does.";
const SIGNED_OUT = "You are signed out. Sign in in another tab, and come back: what you wrote is still here.";

// A failure without a status is one of which nobody knows what became of it: the server may have done it.
export async function ask(method, path, body, headers = {}) {
  const answer = await fetch(API + path, {
    method,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    body: body === undefined ? body : JSON.stringify(body),
  }).catch(() => { throw new Error(SILENT); });
  const result = await answer.json().catch(() => null);
  if (answer.ok && result) return result;
  throw refusal(answer.status, result ?? {});
}

export function refusal(status, { detail, hint }) {
  const words = status === 401 ? SIGNED_OUT : [detail ?? "The server did not answer.", hint].filter(Boolean).join(" ");
  return Object.assign(new Error(words), status < 300 ? {} : { status });
}

// A small question whose answer is a help, and without which all goes on: null where there is none.
export async function look(path, query) {
  const answer = await fetch(`${path}?${new URLSearchParams(query)}`).catch(() => null);
  return answer?.ok ? answer.json().catch(() => null) : null;
}
