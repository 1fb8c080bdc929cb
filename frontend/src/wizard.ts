// The wizard that takes a key. What is typed stays in its boxes, in memory alone: it is sealed for each question anew, and
// gone from the boxes when the key is stored or the page is left. The boxes have no names: no form can send them.
import { partsOf, swapped, trimmed, whole, type Part } from "./keyfile";
import { seal } from "./sealing";

const STORED = 201;
const ENDED = 401;
const LARGEST_FILE = 64 * 1024;
const MADE = "tallyglass.made";

class Wizard {
  private readonly boxes: HTMLInputElement[];
  private readonly parts: Part[];
  private readonly unasked = document.querySelector("#verdict")?.cloneNode(true) as HTMLElement | undefined;
  private busy = false;

  constructor(private readonly form: HTMLFormElement) {
    this.boxes = [...form.querySelectorAll<HTMLInputElement>("[data-field]")];
    this.parts = this.boxes.map(({ dataset }) => ({
      name: dataset.field ?? "",
      label: dataset.label ?? "",
      pattern: whole(dataset.pattern ?? ""),
    }));
    this.clear();
    form.querySelector("fieldset")?.removeAttribute("disabled");
    this.listen();
  }

  private listen(): void {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const act = (event.submitter as HTMLButtonElement | null)?.value === "store" ? "store" : "check";
      void this.ask(act);
    });
    for (const box of this.boxes) {
      box.addEventListener("paste", (event) => this.pasted(event, box));
      box.addEventListener("input", () => this.look());
    }
    this.form.addEventListener("dragover", (event) => event.preventDefault());
    this.form.addEventListener("drop", (event) => {
      event.preventDefault();
      void this.file(event.dataTransfer?.files[0]);
    });
    const file = this.form.querySelector<HTMLInputElement>("#file");
    file?.addEventListener("change", () => void this.file(file.files?.[0]).finally(() => (file.value = "")));
    const eye = this.form.querySelector<HTMLInputElement>("#look");
    eye?.addEventListener("change", () => this.show(eye.checked));
    this.form.querySelector("#swap")?.addEventListener("click", () => this.swap());
    window.addEventListener("pagehide", () => this.clear());
    window.addEventListener("pageshow", (event) => event.persisted && this.clear());
  }

  // -- what comes in

  private pasted(event: ClipboardEvent, box: HTMLInputElement): void {
    const text = event.clipboardData?.getData("text") ?? "";
    if (!text) return;
    event.preventDefault();
    if (this.taken(text)) return;
    box.setRangeText(trimmed(text), box.selectionStart ?? 0, box.selectionEnd ?? box.value.length, "end");
    this.look();
  }

  private async file(file: File | undefined): Promise<void> {
    if (!file) return;
    const text = file.size > LARGEST_FILE ? "" : await file.text();
    if (!this.taken(text)) this.say(`${file.name} holds no key that is known here.`);
  }

  /** Whether a text was a whole key file, whose parts are now in their boxes. */
  private taken(text: string): boolean {
    const found = partsOf(text, this.parts);
    if (found === null) return false;
    for (const box of this.boxes) {
      const value = found.get(box.dataset.field ?? "");
      if (value !== undefined) box.value = value;
    }
    this.look();
    if (found.size === 0) this.say("That looks like a key file, but no part of a key was found in it.");
    else if (found.size === this.parts.length) this.say("The whole key file was understood.");
    return true;
  }

  private values(): Map<string, string> {
    return new Map(this.boxes.map((box) => [box.dataset.field ?? "", trimmed(box.value)]));
  }

  /** What stands in the boxes has changed: no verdict is on that. */
  private look(): void {
    const verdict = document.querySelector<HTMLElement>("#verdict");
    if (verdict && verdict.dataset.end !== "none" && this.unasked) verdict.replaceWith(this.unasked.cloneNode(true));
    const odd = swapped(this.values(), this.parts);
    const [one, other] = this.parts;
    this.say(odd ? `${one?.label} and ${other?.label} have changed places.` : "", odd);
    if (this.boxes.every((box) => box.value)) standAt(Infinity);
  }

  private swap(): void {
    const [one, other] = this.boxes;
    if (!one || !other) return;
    [one.value, other.value] = [other.value, one.value];
    this.look();
    this.form.querySelector<HTMLElement>("[value=check]")?.focus();
  }

  private show(seen: boolean): void {
    for (const box of this.boxes) if (box.id === "field-secret") box.type = seen ? "text" : "password";
  }

  private say(text: string, swap = false): void {
    const place = this.form.querySelector<HTMLElement>("#odd");
    if (!place) return;
    place.hidden = !text;
    (place.firstElementChild as HTMLElement).textContent = text;
    this.form.querySelector<HTMLElement>("#swap")!.hidden = !swap;
  }

  private clear(): void {
    for (const box of this.boxes) box.value = "";
    const eye = this.form.querySelector<HTMLInputElement>("#look");
    if (eye) eye.checked = false;
    this.show(false);
  }

  // -- what is asked

  private async ask(act: "check" | "store"): Promise<void> {
    const values = this.values();
    const missing = this.boxes.find((box) => !values.get(box.dataset.field ?? ""));
    if (missing) {
      this.say(`${missing.dataset.label} is missing.`);
      missing.focus();
      return;
    }
    const word = document.querySelector<HTMLInputElement>("#verdict [data-word]:not(:checked)");
    if (act === "store" && word) {
      announce("Tick the box first: it is your word that the key is taken on.");
      word.focus();
      return;
    }
    if (this.busy) return;
    this.waits(true);
    try {
      await this.answered(await this.send(act, values));
    } catch {
      this.silent();
    } finally {
      this.waits(false);
    }
  }

  private async send(act: string, values: Map<string, string>): Promise<Response> {
    if (this.form.dataset.made !== undefined) values.set(MADE, "yes");
    const sealed = await seal("key", this.form.dataset.exchange ?? "", Object.fromEntries(values));
    const body = new URLSearchParams(new FormData(this.form) as unknown as Record<string, string>);
    body.set("sealed", sealed);
    return fetch(`${this.form.dataset.path}/${act}`, { method: "POST", body, credentials: "same-origin" });
  }

  private async answered(answer: Response): Promise<void> {
    if (answer.status === ENDED) return window.location.reload();
    const to = answer.headers.get("Location");
    if (answer.status === STORED && to) {
      this.clear();
      return window.location.assign(to);
    }
    if (!answer.ok) return this.silent();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const verdict = page.querySelector<HTMLElement>("#verdict");
    if (verdict) this.put(document.adoptNode(verdict));
  }

  private silent(): void {
    const card = document.createElement("div");
    Object.assign(card, { id: "verdict", className: "stack" });
    card.append(document.querySelector<HTMLTemplateElement>("#silent")!.content.cloneNode(true));
    card.dataset.said = card.querySelector("h2, h3")?.textContent ?? "";
    this.put(card);
  }

  /** A new verdict in place of the one before. Who stood in that one goes on from its end. */
  private put(verdict: HTMLElement): void {
    const before = document.querySelector<HTMLElement>("#verdict")!;
    const inside = before.contains(document.activeElement);
    before.replaceWith(verdict);
    announce(verdict.dataset.said ?? "");
    if (verdict.dataset.step) standAt(Number(verdict.dataset.step));
    const end = verdict.querySelector<HTMLElement>("#end");
    if (inside) (verdict.querySelector<HTMLElement>("button.main") ?? end)?.focus();
    const smooth = matchMedia("(prefers-reduced-motion: no-preference)").matches;
    end?.closest("section")?.scrollIntoView({ block: "nearest", behavior: smooth ? "smooth" : "auto" });
  }

  private waits(busy: boolean): void {
    this.busy = busy;
    document.querySelector("#verdict")?.setAttribute("aria-busy", String(busy));
    for (const button of document.querySelectorAll<HTMLElement>("#paste button.main, #verdict button")) {
      button.setAttribute("aria-disabled", String(busy));
    }
    const check = this.form.querySelector("button.main");
    if (check) check.textContent = busy ? "Asking…" : "Check this key";
    if (busy) announce("Asking the exchange what this key may do.");
  }
}

function announce(text: string): void {
  const place = document.querySelector("#said");
  if (place) place.textContent = text;
}

// -- the six steps

function ticks(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>("#guide input")];
}

/** All before this step is done, and nothing from it on. */
function standAt(step: number): void {
  ticks().forEach((tick, place) => (tick.checked = place + 1 < step));
  showPlace();
}

function showPlace(): void {
  const place = document.querySelector<HTMLElement>("#place");
  if (!place) return;
  const all = ticks();
  const now = all.findIndex((tick) => !tick.checked);
  place.textContent = now < 0 ? "now check it" : `step ${now + 1} of ${all.length}`;
}

function watchSteps(): void {
  for (const tick of ticks()) tick.addEventListener("change", showPlace);
  showPlace();
}

watchSteps();
const form = document.querySelector<HTMLFormElement>("#paste");
if (form) new Wizard(form);
