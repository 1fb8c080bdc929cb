// What a page cannot go on showing: after its session has ended it leaves; while nobody answers it says so.
const ENDED = 401;

interface Told {
  status?: number;
  ctx?: { response?: { status?: number } };
}

function status(event: Event): number | undefined {
  const told = (event as CustomEvent<Told>).detail;
  return told.status ?? told.ctx?.response?.status;
}

function leaveIfEnded(event: Event): void {
  if (status(event) === ENDED) window.location.reload();
}

function lost(event: Event): void {
  leaveIfEnded(event);
  document.documentElement.dataset.lost = "";
}

function found(): void {
  delete document.documentElement.dataset.lost;
}

export function watchTheLine(): void {
  document.addEventListener("htmx:response:error", leaveIfEnded);
  document.addEventListener("htmx:sse:error", lost);
  document.addEventListener("htmx:sse:after:connection", found);
}
