// A list that grows while its reader scrolls. Who goes by keyboard follows the link instead: what stands below the list
// would else move away before him. What has grown stays as it is: news would throw its reader back to the beginning.
const GROWN = ".entries ~ .entries";
const AHEAD = "400px";

let byKeyboard = false;

function watch(observer: IntersectionObserver): void {
  for (const link of document.querySelectorAll("a[data-more]")) observer.observe(link);
}

export function growLists(): void {
  document.addEventListener("keydown", (event) => (byKeyboard ||= event.key === "Tab"));
  for (const kind of ["wheel", "touchmove", "pointerdown"]) {
    document.addEventListener(kind, () => (byKeyboard = false), { passive: true });
  }
  const observer = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) {
        if (isIntersecting && !byKeyboard) target.dispatchEvent(new CustomEvent("more"));
      }
    },
    { rootMargin: AHEAD },
  );
  watch(observer);
  document.addEventListener("htmx:after:swap", () => watch(observer));
  document.addEventListener("htmx:before:request", (event) => {
    const asks = event.target instanceof Element && event.target.getAttribute("hx-target") === "#frame";
    if (asks && document.querySelector(GROWN)) event.preventDefault();
  });
}
