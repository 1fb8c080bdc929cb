// When the session has ended, the page must not go on showing what it showed.
const ENDED = 401;

interface Told {
  status?: number;
  ctx?: { response?: { status?: number } };
}

function look(event: Event): void {
  const told = (event as CustomEvent<Told>).detail;
  if ((told.status ?? told.ctx?.response?.status) === ENDED) window.location.reload();
}

export function leaveWhenEnded(): void {
  document.addEventListener("htmx:response:error", look);
  document.addEventListener("htmx:sse:error", look);
}
