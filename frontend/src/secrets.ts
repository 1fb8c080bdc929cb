// The script of pages on which a secret is typed: an entry of its own, since the others need none of it.
import { sealForms } from "./sealed";

sealForms();
