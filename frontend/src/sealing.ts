// Sealing: what is secret is closed here, in the browser, so that only the keeper can open it (src/tallyglass/keeper/sealing.py
// has the format). A field that is to be sealed has no name: without this script, or if it fails, it is sent nowhere.
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";

export type Purpose = "key" | "passphrase";

/** What `GET /seal-key` tells: the keeper's key of this moment, and the installation that it belongs to. */
export interface SealKey {
  public_key: string;
  install_id: string;
}

/** The fields, readable by the keeper alone, once. Asks for its key anew: it changes at each lock and each start. */
export async function seal(purpose: Purpose, exchange: string, fields: Record<string, string>): Promise<string> {
  const answer = await fetch("/seal-key", { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`The keeper's key could not be had (${answer.status}).`);
  return sealTo((await answer.json()) as SealKey, purpose, exchange, fields);
}

export async function sealTo(
  key: SealKey,
  purpose: Purpose,
  exchange: string,
  fields: Record<string, string>,
): Promise<string> {
  const suite = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  });
  const info = new TextEncoder().encode(`tallyglass seal 1\n${purpose}\n${key.install_id}\n${exchange}`);
  const recipientPublicKey = await suite.kem.deserializePublicKey(fromBase64(key.public_key).buffer as ArrayBuffer);
  const sender = await suite.createSenderContext({ recipientPublicKey, info: info.buffer as ArrayBuffer });
  const plain = new TextEncoder().encode(JSON.stringify(fields));
  const sealed = new Uint8Array(await sender.seal(plain.buffer as ArrayBuffer));
  return toBase64(new Uint8Array(sender.enc), sealed);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function toBase64(...parts: Uint8Array[]): string {
  return btoa(parts.map((part) => Array.from(part, (byte) => String.fromCharCode(byte)).join("")).join(""));
}
