// What somebody pastes or drops: trimmed; a whole key file taken apart; key and secret that have changed places noticed.

/** A part of a key, as the page asks for it. */
export interface Part {
  name: string;
  label: string;
  pattern: RegExp | null;
}

// What other programs, and the exchanges' own key files, call the parts.
const NAMES: Record<string, readonly string[]> = {
  key: ["key", "apikey", "apikeyid", "id", "name", "publickey", "accesskey"],
  secret: ["secret", "privatekey", "apisecret", "secretkey", "apisecretkey"],
};

/** Without what clings to a text that is copied: blanks, quotes, a comma, marks that nobody sees. */
export function trimmed(text: string): string {
  return text.replace(/[\u200b-\u200f\u2060\ufeff]/g, "").replace(/^[\s"'`]+|[\s"'`,]+$/g, "");
}

/** A pattern of the exchange's page for the whole of a text; null where this browser does not know its grammar. */
export function whole(pattern: string): RegExp | null {
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    return null;
  }
}

/** The parts of a key in the text of a whole key file; null where it is none. */
export function partsOf(text: string, parts: readonly Part[]): Map<string, string> | null {
  const members = membersOf(text);
  if (members === null) return null;
  const found = new Map<string, string>();
  for (const part of parts) {
    const candidates = [...members].filter(([name]) => (NAMES[part.name] ?? [part.name]).includes(letters(name)));
    const fitting = candidates.find(([, value]) => part.pattern?.test(value)) ?? candidates[0];
    if (fitting) found.set(part.name, fitting[1]);
  }
  return found;
}

/** Whether two parts stand in each other's place. */
export function swapped(values: ReadonlyMap<string, string>, parts: readonly Part[]): boolean {
  const [one, other] = parts;
  if (!one?.pattern || !other?.pattern) return false;
  const [first, second] = [values.get(one.name) ?? "", values.get(other.name) ?? ""];
  const right = one.pattern.test(first) || other.pattern.test(second);
  return !right && one.pattern.test(second) && other.pattern.test(first);
}

function membersOf(text: string): Map<string, string> | null {
  const plain = trimmed(text);
  if (plain.startsWith("-----BEGIN")) return new Map([["secret", plain]]);
  if (!plain.startsWith("{")) return null;
  try {
    const told: unknown = JSON.parse(plain);
    if (typeof told !== "object" || told === null) return null;
    const texts = Object.entries(told).filter((each): each is [string, string] => typeof each[1] === "string");
    return new Map(texts.map(([name, value]) => [name, trimmed(value)]));
  } catch {
    return new Map();
  }
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, "");
}
