// Fields for a passphrase: shown on request, how hard it is to guess, and twice the same. Nothing of it leaves the page.
const SHORTEST = 12;
const WEAK = 40;
const GOOD = 60;
/** What guessers try first. */
const WORN = /passw|qwert|asdf|letmein|welcome|admin|bitcoin|crypto|tallyglass|monkey|dragon|iloveyou|correct|horse|battery|staple/g;

/** About how many bits a guesser needs who knows how people choose: an estimate on the low side. */
export function bits(text: string): number {
  const plain = text.toLowerCase().replace(WORN, "").replace(/(.)\1+/g, "$1");
  const words = new Set(plain.split(/[^\p{Letter}]+/u).filter((word) => word.length > 2));
  const rest = plain.replace(/[\p{Letter}]{3,}/gu, "");
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(text)).length;
  const ofWords = [...words].reduce((sum, word) => sum + Math.min(11 + Math.max(word.length - 7, 0) * 2.5, 60), 0);
  const ofRest = new Set(rest).size * (rest.length ? 4 : 0);
  return ofWords + ofRest + (kinds - 1) * 3;
}

function words(text: string): string {
  if (text.length < SHORTEST) return `At least ${SHORTEST} characters.`;
  const found = bits(text);
  if (found < WEAK) return "Weak: somebody with a copy of your files could guess it. Add a word that does not belong.";
  if (found < GOOD) return "Fair. One more word makes it strong.";
  return "Strong.";
}

function judge(input: HTMLInputElement): void {
  const said = document.getElementById(input.dataset.strength ?? "");
  const meter = document.getElementById(`${input.dataset.strength}-bar`);
  const told = words(input.value);
  if (said && said.textContent !== told) said.textContent = told;
  const strength = input.value.length < SHORTEST ? Math.min(bits(input.value), WEAK - 10) : bits(input.value);
  if (meter instanceof HTMLMeterElement) meter.value = Math.min(strength, 100);
}

function compare(input: HTMLInputElement): void {
  const other = document.getElementById(input.dataset.same ?? "") as HTMLInputElement | null;
  input.setCustomValidity(other && other.value !== input.value ? "The two are not the same." : "");
}

function show(button: HTMLButtonElement): void {
  const shown = button.ariaPressed !== "true";
  button.ariaPressed = String(shown);
  button.textContent = shown ? "Hide" : "Show";
  for (const id of (button.dataset.shows ?? "").split(" ")) {
    document.getElementById(id)?.setAttribute("type", shown ? "text" : "password");
  }
}

export function helpWithPassphrases(): void {
  document.addEventListener("input", (event) => {
    if (!(event.target instanceof HTMLInputElement)) return;
    if (event.target.dataset.strength) judge(event.target);
    for (const each of document.querySelectorAll<HTMLInputElement>("[data-same]")) compare(each);
  });
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest("button");
    if (button?.dataset.shows) show(button);
    if (button && "print" in button.dataset) window.print();
  });
}
