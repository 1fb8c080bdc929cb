// The script of pages on which a secret is typed: an entry of its own, since the others need none of it.
import { askForPasskeys } from "./passkey";
import { helpWithPassphrases } from "./passphrase";
import { sealForms } from "./sealed";

sealForms();
helpWithPassphrases();
askForPasskeys();
