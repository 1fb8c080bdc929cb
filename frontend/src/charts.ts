// Charts: a live one over the drawing of the server, in the same place and the same colours, with a cursor for mouse, touch
// and keyboard. Heights and words come from the server: no number is made here. Without this script the drawing stays.
import uPlot from "uplot";

interface Told {
  x: number[];
  value: number[];
  whole: (number | null)[];
  doubtful: (number | null)[];
  deposits: number[];
  other: (number | null)[];
  words: string[][];
}

/** The server's drawing has these units. */
const HEIGHT = 300;
const STEP = 10;
const steps = uPlot.paths.stepped!({ align: -1 });

/** Of all lines only the first, the worth, has a point under the cursor. */
function pointOfWorth(_: uPlot, at: number): HTMLElement {
  return at === 1 ? document.createElement("div") : (undefined as never);
}

class Live {
  private plot: uPlot | null = null;
  private told: Told | null = null;
  private edition = "";
  private readonly drawing: HTMLElement;
  private readonly place: HTMLElement;
  private readonly tip: HTMLElement;

  constructor(readonly figure: HTMLElement) {
    this.drawing = figure.querySelector<HTMLElement>(".canvas")!;
    this.place = document.createElement("div");
    figure.querySelector<HTMLElement>(".live")!.append(this.place); // news that is morphed in leaves it alone
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    new ResizeObserver(() => this.fit()).observe(this.drawing);
    this.place.addEventListener("keydown", (event) => this.press(event));
    this.place.addEventListener("blur", () => this.leave());
  }

  /** Draw what the server has drawn last, if it is not drawn yet. */
  async refresh(): Promise<void> {
    const edition = `${this.figure.dataset.chart} ${this.figure.dataset.edition}`;
    if (edition === this.edition) return;
    this.edition = edition;
    const answer = await fetch(this.figure.dataset.chart ?? "", { credentials: "same-origin" });
    if (!answer.ok || edition !== this.edition) return;
    this.told = (await answer.json()) as Told;
    this.draw();
  }

  draw(): void {
    const { told } = this;
    if (!told || told.x.length < 2) return;
    const at = this.plot?.cursor.idx ?? null;
    this.plot?.destroy();
    const points = { show: false };
    const lines: [(number | null)[], uPlot.Series][] = [
      [told.value, { fill: (plot) => this.wash(plot), points }],
      [told.deposits, { stroke: this.colour(".deposits"), width: 1.5, dash: [2, 4], paths: steps, points }],
      [told.other, { stroke: this.colour(".other"), width: 1.5, dash: [7, 4], points }],
      [told.whole, { stroke: this.colour(".line"), width: 2, points }],
      [told.doubtful, { stroke: this.colour(".doubtful"), width: 2, dash: [5, 3], points }],
    ];
    const drawn = lines.filter(([heights]) => heights.length > 0);
    this.plot = new uPlot(
      {
        ...this.size(),
        padding: [0, 0, 0, 0],
        legend: { show: false },
        axes: [{ show: false }, { show: false }],
        scales: { x: { time: false }, y: { range: [0, HEIGHT] } },
        cursor: {
          y: false,
          points: { size: 9, fill: this.colour(".line"), show: pointOfWorth },
          drag: { x: true, y: false },
        },
        hooks: { setCursor: [() => this.say()], setScale: [(_, key) => key === "x" && this.nameDays()] },
        series: [{}, ...drawn.map(([, series]) => series)],
      },
      [told.x, ...drawn.map(([heights]) => heights)] as uPlot.AlignedData,
      this.place,
    );
    this.plot.over.append(this.tip);
    this.drawing.dataset.live = "";
    this.describe();
    if (at !== null) this.move(Math.min(at, told.x.length - 1));
  }

  private colour(of: string): string {
    const path = this.drawing.querySelector(`path${of}`);
    return path ? getComputedStyle(path).stroke : "transparent";
  }

  private wash(plot: uPlot): CanvasGradient {
    const { top, height } = plot.bbox;
    const made = plot.ctx.createLinearGradient(0, top, 0, top + height);
    for (const [at, stop] of [...this.drawing.querySelectorAll("stop")].entries()) {
      made.addColorStop(at, getComputedStyle(stop).stopColor);
    }
    return made;
  }

  private size(): { width: number; height: number } {
    return { width: this.drawing.clientWidth, height: this.drawing.clientHeight };
  }

  private fit(): void {
    const { width, height } = this.size();
    if (this.plot && width > 0 && (width !== this.plot.width || height !== this.plot.height)) {
      this.plot.setSize({ width, height });
    }
  }

  /** For the keyboard and for screen readers the chart is a slider over its days. */
  private describe(): void {
    const label = this.drawing.querySelector("svg")?.getAttribute("aria-label") ?? "";
    const marks = { role: "slider", tabindex: "0", "aria-label": `${label}. Move with the arrow keys.`, "aria-valuemin": "0" };
    for (const [name, value] of Object.entries(marks)) this.place.setAttribute(name, value);
    this.place.setAttribute("aria-valuemax", String((this.told?.x.length ?? 1) - 1));
    this.name((this.told?.x.length ?? 1) - 1);
  }

  private name(at: number): void {
    this.place.setAttribute("aria-valuenow", String(at));
    this.place.setAttribute("aria-valuetext", (this.told?.words[at] ?? []).join(", "));
  }

  private press(event: KeyboardEvent): void {
    const last = (this.told?.x.length ?? 1) - 1;
    const at = this.plot?.cursor.idx ?? last;
    const to = {
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      PageDown: at - STEP,
      PageUp: at + STEP,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Escape") this.leave();
    if (to === undefined) return;
    event.preventDefault();
    this.move(Math.min(Math.max(to, 0), last));
  }

  private move(at: number): void {
    const { plot, told } = this;
    if (!plot || !told) return;
    const left = plot.valToPos(told.x[at] ?? 0, "x");
    plot.setCursor({ left, top: plot.valToPos(told.value[at] ?? 0, "y") });
  }

  private leave(): void {
    this.plot?.setCursor({ left: -10, top: -10 });
  }

  /** The words of the point under the cursor, beside it on the side that has room. */
  private say(): void {
    const { plot, told, tip } = this;
    const at = plot?.cursor.idx ?? null;
    const left = plot?.cursor.left ?? -1;
    if (!plot || !told || at === null || left < 0) {
      tip.hidden = true;
      return;
    }
    tip.replaceChildren(
      ...(told.words[at] ?? []).map((text) => Object.assign(document.createElement("span"), { textContent: text })),
    );
    tip.hidden = false;
    const shift = left > this.drawing.clientWidth / 2 ? `calc(${left - 12}px - 100%)` : `${left + 12}px`;
    tip.style.transform = `translateX(${shift})`;
    this.name(at);
  }

  /** Below the chart stand the days of what is seen of it. */
  private nameDays(): void {
    const { plot, told } = this;
    const { min, max } = plot?.scales.x ?? {};
    if (!told || min == null || max == null) return;
    const whole = min <= (told.x[0] ?? 0) && max >= (told.x.at(-1) ?? 0);
    const days = [...this.figure.querySelectorAll<HTMLElement>(".days li")];
    for (const [place, each] of days.entries()) {
      each.dataset.whole ??= each.textContent ?? "";
      const x = min + ((max - min) * place) / Math.max(days.length - 1, 1);
      const near = told.x.reduce((best, one, at) => (Math.abs(one - x) < Math.abs((told.x[best] ?? 0) - x) ? at : best), 0);
      const text = whole ? each.dataset.whole : (told.words[near]?.[0] ?? "");
      if (each.textContent !== text) each.textContent = text;
    }
  }
}

const all = new Map<HTMLElement, Live>();

function look(): void {
  for (const [figure] of all) if (!figure.isConnected) all.delete(figure);
  for (const figure of document.querySelectorAll<HTMLElement>("figure[data-chart]")) {
    if (!all.has(figure)) all.set(figure, new Live(figure));
    void all.get(figure)?.refresh();
  }
}

look();
document.addEventListener("htmx:after:swap", look);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all.forEach((each) => each.draw()));
