// A press on a button with `data-take` copies that text, and says so in the button itself.
const SAID_MS = 1600;

async function take(button: HTMLElement): Promise<void> {
  await navigator.clipboard.writeText(button.dataset.take ?? "");
  const before = [...button.childNodes];
  button.replaceChildren("Copied");
  setTimeout(() => button.replaceChildren(...before), SAID_MS);
}

export function copyAtAPress(): void {
  document.documentElement.dataset.scripts = "";
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-take]") : null;
    if (button) void take(button);
  });
}
