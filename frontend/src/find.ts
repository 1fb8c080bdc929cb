// Find over any page (Ctrl or Cmd and K), and keys that lead somewhere. All of it is the page /find, taken into a dialog.
const PAUSE_MS = 1200;
const OFF = "tallyglass-no-single-keys";

let waiting = 0; // for the second key, after `g`: until when

function made(html: string): Element {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild as Element;
}

async function page(part: string): Promise<Element | null> {
  const answer = await fetch("/find", { headers: { "HX-Request": "true" } });
  if (!answer.ok) {
    window.location.assign("/find");
    return null;
  }
  return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(part);
}

function dialog(label: string): HTMLDialogElement {
  const opened = document.createElement("dialog");
  opened.className = "over";
  opened.setAttribute("aria-label", label);
  opened.addEventListener("close", () => opened.remove());
  opened.addEventListener("click", (event) => {
    if (event.target === opened) opened.close();
  });
  document.body.append(opened);
  return opened;
}

class Finder {
  readonly #dialog = dialog("Find");
  readonly #input = made(
    '<input class="input" role="combobox" aria-expanded="true" aria-controls="options" aria-autocomplete="list" aria-label="A page, a connection, an asset, something to do" placeholder="A page, a connection, an asset, something to do" autocomplete="off" spellcheck="false" maxlength="100">',
  ) as HTMLInputElement;
  readonly #list = made('<ul id="options" role="listbox" aria-label="Found"></ul>');
  readonly #none = made('<p class="soft none" role="status"></p>');
  #options: HTMLElement[] = [];
  #at = 0;

  async open(): Promise<void> {
    this.#dialog.append(this.#input, this.#list, this.#none);
    this.#dialog.showModal();
    this.#input.addEventListener("input", () => this.#narrow());
    this.#input.addEventListener("keydown", (event) => this.#move(event));
    const places = await page("#places");
    if (!places) return;
    places.id = "";
    (places as HTMLElement).hidden = true;
    this.#dialog.append(places); // what is chosen is pressed there
    for (const back of places.querySelectorAll<HTMLInputElement>("input[name=back]")) {
      back.value = window.location.pathname + window.location.search;
    }
    this.#options = [...places.querySelectorAll<HTMLElement>(".found")].map((found, place) => this.#option(found, place));
    this.#narrow();
  }

  #option(found: HTMLElement, place: number): HTMLElement {
    const option = made('<li role="option"><span></span><small></small><kbd></kbd></li>') as HTMLElement;
    const [name, kind, keys] = [...option.children];
    option.id = `option-${place}`;
    name!.textContent = found.textContent;
    kind!.textContent = found.dataset.found ?? "";
    keys!.textContent = found.dataset.keys ?? "";
    option.addEventListener("click", () => found.click());
    return option;
  }

  #narrow(): void {
    const sought = this.#input.value.toLowerCase().trim();
    const told = (option: HTMLElement): string => option.textContent!.toLowerCase();
    const fitting = this.#options.filter((option) => sought.split(/\s+/).every((word) => told(option).includes(word)));
    // Those that begin so come first; what only its kind names, last.
    const rank = (option: HTMLElement): number => {
      const name = option.firstElementChild!.textContent!.toLowerCase();
      return name.startsWith(sought) ? 0 : name.includes(sought) ? 1 : 2;
    };
    fitting.sort((one, other) => rank(one) - rank(other));
    this.#list.replaceChildren(...fitting);
    this.#none.textContent = fitting.length || !this.#options.length ? "" : "Nothing is called that.";
    this.#choose(0);
  }

  #choose(at: number): void {
    const there = [...this.#list.children];
    this.#at = there.length ? (at + there.length) % there.length : 0;
    there.forEach((option, place) => option.setAttribute("aria-selected", String(place === this.#at)));
    const chosen = there[this.#at];
    this.#input.setAttribute("aria-activedescendant", chosen?.id ?? "");
    chosen?.scrollIntoView({ block: "nearest" });
  }

  #move(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#choose(this.#at + step);
    else if (event.key === "Enter") (this.#list.children[this.#at] as HTMLElement | undefined)?.click();
    else return;
    event.preventDefault();
  }
}

async function showKeys(): Promise<void> {
  const keys = await page("#keys");
  if (!keys) return;
  const opened = dialog("Keys");
  opened.append(keys, made('<form method="dialog"><button class="button">Close</button></form>'));
  opened.showModal();
  heedTheSwitch();
}

async function toggleAmounts(): Promise<void> {
  const hidden = document.documentElement.dataset.amounts === "hidden";
  const body = new URLSearchParams({ amounts: hidden ? "shown" : "hidden" });
  await fetch("/look", { method: "POST", body, redirect: "manual" });
  window.location.reload();
}

function heedTheSwitch(): void {
  for (const single of document.querySelectorAll<HTMLInputElement>("#single-keys")) {
    single.checked = localStorage.getItem(OFF) === null;
    single.addEventListener("change", () => {
      if (single.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "");
    });
  }
}

function find(): void {
  if (!document.querySelector("dialog[open]")) void new Finder().open();
}

function press(event: KeyboardEvent): boolean {
  const goes = performance.now() < waiting;
  waiting = 0;
  if (goes) {
    const way = document.querySelector<HTMLElement>(`[data-go="${CSS.escape(event.key)}"]`);
    way?.click();
    return way !== null;
  }
  if (event.key === "g") waiting = performance.now() + PAUSE_MS;
  else if (event.key === "h") void toggleAmounts();
  else if (event.key === "?") void showKeys();
  else if (event.key === "/") {
    const search = document.querySelector<HTMLElement>("main input[type=search]");
    if (search) search.focus();
    else find();
  } else return false;
  return true;
}

function onKey(event: KeyboardEvent): void {
  const framed = document.querySelector("#frame") !== null;
  if (!framed || event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    find();
    return;
  }
  const writes = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
  const alone = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (writes || !alone || document.querySelector("dialog[open]") || localStorage.getItem(OFF) !== null) return;
  if (press(event)) event.preventDefault();
}

export function findAndGo(): void {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    const asked = event.target instanceof Element && event.target.closest("a[data-find]");
    if (!asked || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    find();
  });
  heedTheSwitch();
}
