// Ages tick: a number whose age stands still would look fresher than it is. The words are those of app/format.py.
const UNITS: readonly [seconds: number, name: string][] = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

export function age(since: Date, now: Date): string {
  const seconds = Math.max(Math.floor((now.getTime() - since.getTime()) / 1000), 0);
  for (const [size, name] of UNITS) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${name}`;
  }
  return `${seconds} s`;
}

function tick(): void {
  const now = new Date();
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-age]")) {
    const shown = age(new Date(element.dateTime), now) + (element.dataset.age ?? "");
    if (element.textContent !== shown) element.textContent = shown;
  }
}

export function tickAges(): void {
  setInterval(tick, 1000);
  document.addEventListener("htmx:after:swap", tick);
}
