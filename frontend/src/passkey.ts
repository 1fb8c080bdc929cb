// Passkeys: what the server asks goes to the authenticator, and its answer into a plain form. A form with `data-passkey`
// (where to ask) stays hidden in a browser that has none, or at an address to which none is bound (`data-of`).
interface Asked {
  ticket: string;
  publicKey: PublicKeyCredentialCreationOptionsJSON & PublicKeyCredentialRequestOptionsJSON;
}

const NONE = "No passkey was used. Try again, or choose another way.";
const PROVE_FIRST = 403;

async function ask(form: HTMLFormElement): Promise<Credential | null> {
  const answer = await fetch(form.dataset.passkey ?? "", { method: "POST" });
  if (answer.status === PROVE_FIRST) {
    window.location.assign(`/prove?back=${encodeURIComponent(window.location.pathname)}`);
    return null;
  }
  const asked = (await answer.json()) as Asked;
  set(form, "ticket", asked.ticket);
  return "new" in form.dataset
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.publicKey) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.publicKey) });
}

function set(form: HTMLFormElement, name: string, value: string): void {
  (form.elements.namedItem(name) as HTMLInputElement).value = value;
}

async function send(form: HTMLFormElement): Promise<void> {
  const made = await ask(form);
  if (!(made instanceof PublicKeyCredential)) return;
  set(form, "answer", JSON.stringify(made.toJSON()));
  form.submit();
}

function say(form: HTMLFormElement, text: string): void {
  const place = form.querySelector<HTMLElement>("[data-said]");
  if (place) place.textContent = text;
}

function able(form: HTMLFormElement): boolean {
  return (
    "PublicKeyCredential" in window &&
    "parseRequestOptionsFromJSON" in PublicKeyCredential &&
    window.location.hostname === form.dataset.of
  );
}

export function askForPasskeys(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-passkey]")) form.hidden = !able(form);
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.dataset.passkey) return;
    event.preventDefault();
    say(form, "");
    send(form).catch(() => say(form, NONE));
  });
}
