// A list that shows only what is searched for, as its reader types. Without it, the form asks the server.
export function findAsTyped(): void {
  document.addEventListener("input", (event) => {
    const box = event.target as HTMLInputElement;
    const list = box.dataset.finds && document.getElementById(box.dataset.finds);
    if (!list) return;
    const wanted = box.value.trim().toLowerCase();
    let found = 0;
    for (const each of list.querySelectorAll<HTMLElement>("[data-name]")) {
      each.hidden = !(each.dataset.name ?? "").includes(wanted);
      found += Number(!each.hidden);
    }
    const none = document.querySelector<HTMLElement>("#none-found");
    if (none) none.hidden = found > 0;
  });
}
