// Forms whose secrets are sealed before they are sent. `<form data-seal="passphrase">` or `data-seal="key"` with
// `data-exchange`; each secret stands in an input without a name but with `data-field`; what is sent is `sealed`.
import { seal, type Purpose } from "./sealing";

const FAILED = "This browser could not seal it, so nothing was sent. Reload the page and try again.";

function fields(form: HTMLFormElement): HTMLInputElement[] {
  return [...form.querySelectorAll<HTMLInputElement>("[data-field]")];
}

async function send(form: HTMLFormElement, by: HTMLElement | null): Promise<void> {
  const secrets = Object.fromEntries(fields(form).map((each) => [each.dataset.field ?? "", each.value]));
  const sealed = form.elements.namedItem("sealed") as HTMLInputElement;
  sealed.value = await seal(form.dataset.seal as Purpose, form.dataset.exchange ?? "", secrets);
  for (const each of fields(form)) each.value = "";
  if (by instanceof HTMLButtonElement && by.name) form.append(hidden(by.name, by.value));
  form.submit();
}

function hidden(name: string, value: string): HTMLInputElement {
  const made = document.createElement("input");
  Object.assign(made, { type: "hidden", name, value });
  return made;
}

function said(form: HTMLFormElement, text: string): void {
  const place = form.querySelector<HTMLElement>("[data-said]");
  if (place) place.textContent = text;
}

export function sealForms(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.dataset.seal || event.defaultPrevented) return;
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    said(form, "");
    send(form, event.submitter).catch(() => {
      form.ariaBusy = null;
      said(form, FAILED);
    });
  });
  document.documentElement.dataset.seals = "";
}
