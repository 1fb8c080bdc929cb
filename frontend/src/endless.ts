// A list that has grown under its reader's eyes stays as it is: news would throw him back to its beginning.
const GROWN = ".entries ~ .entries";

export function keepWhatHasGrown(): void {
  document.addEventListener("htmx:before:request", (event) => {
    const asks = event.target instanceof Element && event.target.getAttribute("hx-target") === "#frame";
    if (asks && document.querySelector(GROWN)) event.preventDefault();
  });
}
