// What pages do beyond being read: live updates by htmx, ages that tick. Every page is complete without it.
import "htmx.org";
import "htmx.org/dist/ext/hx-sse.js"; // after htmx, with which it registers itself
import { tickAges } from "./ages";
import { copyAtAPress } from "./copy";
import { keepWhatHasGrown } from "./endless";
import { watchTheLine } from "./session";

tickAges();
copyAtAPress();
keepWhatHasGrown();
watchTheLine();
