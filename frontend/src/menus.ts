// A menu is a <details>: it closes when its reader turns to something else, and by Escape.
export function closeMenus(): void {
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>(".menu[open]")) {
      if (!menu.contains(event.target as Node)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll<HTMLDetailsElement>(".menu[open]")) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
}
