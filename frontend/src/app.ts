// What pages do beyond being read: live updates by htmx, ages that tick. Every page is complete without it.
import "htmx.org";
import "htmx.org/dist/ext/hx-sse.js"; // after htmx, with which it registers itself
import { tickAges } from "./ages";
import { copyAtAPress } from "./copy";
import { growLists } from "./endless";
import { closeMenus } from "./menus";
import { findAndGo } from "./find";
import { findAsTyped } from "./finding";
import { watchTheLine } from "./session";

// Live news may bring a form whose secrets are to be sealed onto a page that came without the script for it.
document.addEventListener("htmx:after:swap", () => {
  if (document.querySelector("form[data-seal]") && !("seals" in document.documentElement.dataset)) window.location.reload();
});
tickAges();
copyAtAPress();
growLists();
closeMenus();
findAndGo();
watchTheLine();
findAsTyped();
