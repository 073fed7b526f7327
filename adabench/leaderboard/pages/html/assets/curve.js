// The learning curve of a row's runs: a small panel for what shares an axis.

const PANEL = { width: 320, height: 180, top: 20, right: 10, bottom: 26, left: 46 };
const WIDE = 50; // a range above this factor is drawn on a logarithmic axis
const DOTTED = 30; // a line of few points would hide where they are

/** A number as an axis has it: at most three digits, or a power of ten. */
function tickText(value) {
  const size = Math.abs(value);
  return size && (size < 0.001 || size >= 100000) ? value.toExponential(0).replace("e+", "e") : String(Number(value.toPrecision(3)));
}

/** Where values stand between two heights; a flat line has room around it. */
function valueScale(values, from, to) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const isWide = least > 0 && most / least > WIDE;
  const scaled = isWide ? Math.log10 : (value) => value;
  const pad = (scaled(most) - scaled(least)) * 0.06 || Math.abs(scaled(most)) * 0.1 || 0.5;
  const [low, high] = [scaled(least) - pad, scaled(most) + pad];
  const place = (value) => from + ((scaled(value) - low) / (high - low)) * (to - from);
  return { place, isWide, ticks: isWide ? roundValues(low, high, false) : evenTicks(low, high, 4) };
}

function epochScale(epochs) {
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  const room = Math.max(0.5, (last - first) * 0.02);
  const [from, to] = [PANEL.left, PANEL.width - PANEL.right];
  const place = (epoch) => from + ((epoch - first + room) / (last - first + 2 * room)) * (to - from);
  const ticks = first === last ? [first] : evenTicks(first, last, 5, 1).filter(Number.isInteger);
  return { place, ticks, first, last };
}

function panelAxes(x, y) {
  const bottom = PANEL.height - PANEL.bottom;
  return [
    y.ticks.map((tick) => [
      svg("line", { class: "grid", x1: PANEL.left, x2: PANEL.width - PANEL.right, y1: y.place(tick), y2: y.place(tick) }),
      svg("text", { x: PANEL.left - 6, y: y.place(tick) + 4, "text-anchor": "end" }, tickText(tick)),
    ]),
    svg("line", { class: "grid", x1: PANEL.left, x2: PANEL.width - PANEL.right, y1: bottom, y2: bottom }),
    x.ticks.map((tick) => svg("text", { x: x.place(tick), y: bottom + 16, "text-anchor": "middle" }, String(tick))),
  ].flat(2);
}

/** The epoch whose weights were tested, named where the name has room. */
function chosenLine(chosen, x) {
  const at = x.place(chosen);
  const anchor = at < PANEL.width * 0.35 ? "start" : at > PANEL.width * 0.75 ? "end" : "middle";
  return [
    svg("line", { class: "chosen", x1: at, x2: at, y1: PANEL.top, y2: PANEL.height - PANEL.bottom }),
    svg("text", { class: "chosen", x: at, y: PANEL.top - 7, "text-anchor": anchor }, `tested: epoch ${chosen}`),
  ];
}

const lineKind = (index) => `line family-${index % 6}`;

function panelLine(line, index, x, y) {
  const points = line.epochs.map((epoch, place) => [x.place(epoch), y.place(line.values[place])]);
  const path = points.map(([left, top], place) => `${place ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`).join("");
  const dots = points.length <= DOTTED && points.map(([left, top]) => svg("circle", { cx: left.toFixed(1), cy: top.toFixed(1), r: 2 }));
  return svg("g", { class: lineKind(index) }, svg("path", { d: path }), ...(dots || []));
}

/** What a panel shows, for who can't see it. */
function panelWords(panel, chosen, x) {
  const lines = panel.lines.map(({ name, epochs, values }) => {
    const at = epochs.indexOf(chosen);
    const tested = at < 0 ? "" : `, ${values[at]} at the tested one`;
    return `${name} from ${values[0]} to ${values[values.length - 1]}${tested}`;
  });
  return `${panel.label}, epochs ${x.first} to ${x.last}: ${lines.join("; ")}`;
}

function panelFigure(panel, chosen, x) {
  const y = valueScale(panel.lines.flatMap((line) => line.values), PANEL.height - PANEL.bottom, PANEL.top);
  const keys = panel.lines.map((line, index) => element(
    "li", {}, element("span", { class: `swatch ${lineKind(index)}`, "aria-hidden": "true" }), ...breakable(line.name)
  ));
  return element("figure", {},
    element("figcaption", {}, y.isWide ? `${panel.label}, logarithmic` : panel.label),
    svg("svg", { viewBox: `0 0 ${PANEL.width} ${PANEL.height}`, role: "img", "aria-label": panelWords(panel, chosen, x) },
      panelAxes(x, y),
      chosen !== null && chosen >= x.first && chosen <= x.last && chosenLine(chosen, x),
      panel.lines.map((line, index) => panelLine(line, index, x, y))),
    element("ul", { class: "legend" }, keys, panel.more && element("li", {}, `and ${panel.more} more in curve.csv`)));
}

function curveFigures({ panels, chosen }) {
  const x = epochScale(panels.flatMap((panel) => panel.lines.flatMap((line) => line.epochs)));
  return element("div", { class: "curves" }, panels.map((panel) => panelFigure(panel, chosen, x)));
}

function curvePart(row) {
  const runs = row.runs.filter((run) => run.curve);
  if (!runs.length) return null;
  const told = element("p", { class: "sub" }, "By epoch: mean losses of its training steps, and what the development data gave after it.");
  if (row.runs.length === 1) return widePart("Learning curve", told, curveFigures(runs[0].curve));
  return widePart("Learning curves", told, runs.map((run, index) => element(
    "details", { open: index === 0 }, element("summary", {}, `Seed ${run.seed}`), curveFigures(run.curve)
  )));
}
