// Error against cost: a scatter on a logarithmic axis, and the same in words.

const PLOTTED = ["parameters", "multiply_adds", "alone_seconds"];
const MARGIN = { top: 30, right: 18, bottom: 44, left: 46 };
const FEW = 40; // up to so many points also show their spread
const LABELLED = 14;
const TRIED = 60; // of thousands, only the best are worth a try at a label

const isPoint = (row, cost) => row.kind === "method" && row.cost[cost] > 0;

function costChoice(track) {
  const possible = PLOTTED.filter((cost) => track.rows.some((row) => isPoint(row, cost)));
  return { possible, cost: possible.includes(state.cost) ? state.cost : possible[0] };
}

const TIMES = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 18000, 36000, 86400, 432000, 864000];

/** Round values between two powers of ten; of times, what a clock would call round. */
function roundValues(low, high, isTime) {
  const steps = high - low > 2.5 ? [1] : [1, 2, 5];
  const found = isTime ? TIMES : [];
  for (let power = Math.floor(low); !isTime && power <= high; power += 1) {
    found.push(...steps.map((step) => step * 10 ** power));
  }
  return found.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
}

function logScale(values, from, to, isTime) {
  const ends = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
  const pad = Math.max(0.08, (1 - (ends[1] - ends[0])) / 2);
  const [low, high] = [ends[0] - pad, ends[1] + pad];
  const place = (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  return { place, ticks: roundValues(low, high, isTime) };
}

function linearScale(values, from, to) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const pad = Math.max((most - least) * 0.08, 0.2);
  const [low, high] = [Math.max(0, least - pad), most + pad];
  const ticks = evenTicks(low, high, 6);
  return { place: (value) => from + ((value - low) / (high - low)) * (to - from), ticks };
}

/** Round values between two, about so many and evenly apart, by no less than told. */
function evenTicks(low, high, about, least = 0) {
  const rough = Math.max((high - low) / about, least);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
}

/** The rows that no other row beats in both, cheapest first; contradicted ones don't count. */
function frontOf(points, cost) {
  const sorted = points.filter((row) => !row.contradiction)
    .sort((a, b) => a.cost[cost] - b.cost[cost] || a.metrics.RMSE[0] - b.metrics.RMSE[0]);
  let least = Infinity;
  return sorted.filter((row) => {
    const isBetter = row.metrics.RMSE[0] < least;
    if (isBetter) least = row.metrics.RMSE[0];
    return isBetter;
  });
}

function spreadOf(row) {
  const [value, deviation, low, high] = row.metrics.RMSE;
  if (deviation !== null) return [value - deviation, value + deviation];
  return low === null ? null : [low, high];
}

function pointShape(row, x, y) {
  const size = 5.5;
  const mark = row.origin === "local"
    ? svg("path", { d: `M${x} ${y - size - 1}l${size + 1} ${size + 1}l${-size - 1} ${size + 1}l${-size - 1} ${-size - 1}z` })
    : svg("circle", { cx: x, cy: y, r: size });
  const cross = row.contradiction &&
    svg("path", { class: "cross", d: `M${x - 3} ${y - 3}l6 6m0 -6l-6 6` });
  return [mark, cross];
}

function describePoint(row, cost) {
  const config = row.config ? `, ${row.config}` : "";
  const warning = row.contradiction ? `; contradicted: ${row.contradiction}` : "";
  return `${row.method}${config} (${row.origin}): RMSE ${score(row.metrics.RMSE[0])}, `
    + `${COSTS[cost].label.toLowerCase()} ${COSTS[cost].show(row.cost[cost])}${warning}`;
}

function pointLink(row, cost, scales, isFirst) {
  const [x, y] = placeOf(row, cost, scales);
  const family = data.families.indexOf(row.family) % 6;
  return svg(
    "a",
    {
      href: address({ row: row.id }), class: `point ${row.origin} family-${family}${row.contradiction ? " doubted" : ""}`, "data-row": row.id,
      tabindex: isFirst ? "0" : "-1",
    },
    svg("title", {}, describePoint(row, cost)),
    svg("circle", { class: "target", cx: x, cy: y, r: 12 }),
    pointShape(row, x, y)
  );
}

function axes(scales, cost, width, height) {
  const parts = [];
  const bottom = height - MARGIN.bottom;
  for (const tick of scales.y.ticks) {
    const y = scales.y.place(tick);
    parts.push(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }));
    parts.push(svg("text", { x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, String(Number(tick.toFixed(2)))));
  }
  for (const tick of scales.x.ticks) {
    const x = scales.x.place(tick);
    parts.push(svg("line", { class: "grid", x1: x, x2: x, y1: MARGIN.top, y2: bottom }));
    parts.push(svg("text", { x, y: bottom + 18, "text-anchor": "middle" }, COSTS[cost].show(tick)));
  }
  const title = `${COSTS[cost].label}, logarithmic`;
  parts.push(svg("text", { class: "axis", x: (MARGIN.left + width - MARGIN.right) / 2, y: height - 6, "text-anchor": "middle" }, title));
  parts.push(svg("text", { class: "axis", x: 10, y: 18 }, "RMSE, @POINTS@"));
  return svg("g", { class: "axes", "aria-hidden": "true" }, parts);
}

function spreads(points, cost, scales) {
  const lines = points.filter(spreadOf).map((row) => {
    const x = scales.x.place(row.cost[cost]);
    const [low, high] = spreadOf(row).map(scales.y.place);
    return svg("line", { x1: x, x2: x, y1: low, y2: high });
  });
  return svg("g", { class: "spreads", "aria-hidden": "true" }, lines);
}

/** The constant predictor and the oracle, where the track has them: what a method lies between. */
function referencesOf(track) {
  const known = [["control", "constant"], ["bound", "bound: oracle"]];
  return known.flatMap(([kind, method]) => {
    const found = track.rows.filter((row) => row.kind === kind && row.method === method && row.runs);
    return found.length === 1 ? found : [];
  });
}

/** Each with its name at the end of the line where no point is in the way. */
function referenceLines(references, taken, scales, width) {
  const lines = references.map((row) => {
    const y = scales.y.place(row.metrics.RMSE[0]);
    const name = `${shortName(row)} ${score(row.metrics.RMSE[0])}`;
    const ends = [[width - MARGIN.right - 4, "end"], [MARGIN.left + 4, "start"]];
    const [x, anchor] = ends.find(([at, side]) => isFree(boxOf(at, y - 5, side, name.length), taken)) || ends[0];
    taken.push(boxOf(x, y - 5, anchor, name.length));
    return [
      svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }),
      svg("text", { x, y: y - 5, "text-anchor": anchor }, name),
    ];
  });
  return svg("g", { class: "references", "aria-hidden": "true" }, lines.flat());
}

function frontLine(front, cost, scales) {
  const places = front.map((row) => placeOf(row, cost, scales));
  const steps = places.map(([x, y], index) => (index ? `H${x}V${y}` : `M${x} ${y}`)).join("");
  return places.length > 1 && svg("path", { class: "front", d: steps, "aria-hidden": "true" });
}

/** Where a name may stand beside its point, and how it is anchored there. */
const SPOTS = [[11, 4, "start"], [-11, 4, "end"], [0, -12, "middle"], [0, 21, "middle"]];
const LETTER = 7;

function boxOf(x, y, anchor, length) {
  const wide = length * LETTER;
  const left = { start: x, end: x - wide, middle: x - wide / 2 }[anchor];
  return [left, y - 11, left + wide, y + 3];
}

const isFree = ([left, top, right, bottom], taken) =>
  !taken.some((other) => left < other[2] && other[0] < right && top < other[3] && other[1] < bottom);

const placeOf = (row, cost, scales) => [scales.x.place(row.cost[cost]), scales.y.place(row.metrics.RMSE[0])];

/** Names beside points where there is room: the front first, then the smallest errors. */
function labels(points, front, cost, scales, taken, width) {
  const fits = (box) => box[0] >= MARGIN.left && box[2] <= width - 2 && box[1] > 20 && isFree(box, taken);
  const byError = [...points].sort((a, b) => a.metrics.RMSE[0] - b.metrics.RMSE[0]);
  const namesakes = new Map();
  for (const { method } of points) namesakes.set(method, (namesakes.get(method) || 0) + 1);
  const named = [];
  for (const row of [...new Set([...front, ...byError])].slice(0, TRIED)) {
    if (named.length >= LABELLED || row.contradiction) continue;
    const [name, [x, y]] = [pointName(row, namesakes.get(row.method)), placeOf(row, cost, scales)];
    const spot = SPOTS.find(([dx, dy, anchor]) => fits(boxOf(x + dx, y + dy, anchor, name.length)));
    if (!spot) continue;
    const [dx, dy, anchor] = spot;
    taken.push(boxOf(x + dx, y + dy, anchor, name.length));
    named.push(svg("text", { x: x + dx, y: y + dy, "text-anchor": anchor }, name));
  }
  return svg("g", { class: "names", "aria-hidden": "true" }, named);
}

/** A method's name alone where that says which row it is, its config beside it otherwise. */
function pointName(row, namesakes) {
  const name = namesakes > 1 && row.config ? row.config : row.method;
  return name.length > 26 ? `${name.slice(0, 25)}…` : name;
}

function scatter(points, cost, width) {
  const height = width < 520 ? 300 : 380;
  const heights = points.flatMap((row) => (points.length <= FEW && spreadOf(row)) || [row.metrics.RMSE[0]]);
  const references = referencesOf(points[0].track);
  heights.push(...references.map((row) => row.metrics.RMSE[0]));
  const scales = {
    x: logScale(points.map((row) => row.cost[cost]), MARGIN.left, width - MARGIN.right, COSTS[cost].show === seconds),
    y: linearScale(heights, height - MARGIN.bottom, MARGIN.top),
  };
  const front = frontOf(points, cost);
  const ordered = [...points].sort((a, b) => a.cost[cost] - b.cost[cost]);
  const taken = points.map((row) => placeOf(row, cost, scales)).map(([x, y]) => [x - 7, y - 7, x + 7, y + 7]);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": `RMSE against ${COSTS[cost].label.toLowerCase()}; the arrow keys go from point to point` },
    axes(scales, cost, width, height),
    referenceLines(references, taken, scales, width),
    points.length <= FEW && spreads(points, cost, scales),
    frontLine(front, cost, scales),
    ordered.map((row, index) => pointLink(row, cost, scales, index === 0)),
    labels(points, front, cost, scales, taken, width)
  );
}

function inWords(points, cost, total) {
  const front = frontOf(points, cost);
  const items = front.map((row) => element(
    "li", {}, element("a", { href: address({ row: row.id }), "data-row": row.id }, describePoint(row, cost))
  ));
  return element(
    "details", { class: "words" },
    element("summary", {}, "The same in words"),
    element("p", {}, referencesOf(points[0].track).map((row) => `${shortName(row)}: RMSE ${score(row.metrics.RMSE[0])}. `), `${points.length} of ${plural(total, "shown method row")} ${points.length === 1 ? "has" : "have"} this cost on record. `
      + "No other row is both cheaper and better than these, from the cheapest to the best:"),
    element("ol", {}, items)
  );
}

function plotLegend(points, front) {
  const families = data.families.filter((name) => points.some((row) => row.family === name));
  const keys = families.map((name) => element(
    "li", {}, element("span", { class: `swatch family-${data.families.indexOf(name) % 6}`, "aria-hidden": "true" }), name
  ));
  const extra = [
    points.some((row) => row.origin === "local") && "◇ local",
    points.some((row) => row.contradiction) && "× contradicted by a control",
    points.length <= FEW && "bars: deviation over draws or seeds, or the 95 % interval of one run",
    front.length > 1 && "dashed: no other row is cheaper and better",
  ];
  return element("ul", { class: "legend" }, keys, extra.filter(Boolean).map((text) => element("li", {}, text)));
}

function costPicker(possible, cost) {
  return element("label", {}, "Cost ", element(
    "select", { id: "cost-choice" },
    PLOTTED.map((name) => element("option", { value: name, selected: name === cost, disabled: !possible.includes(name) }, COSTS[name].label))
  ));
}

let plotWidth = 0;

/** Asked before the tables are there: asking lays out the page, which is quick only while it is empty. */
function measurePlot() {
  plotWidth = document.getElementById("cost").clientWidth;
}

function renderPlot() {
  const place = document.getElementById("cost");
  const title = element("h2", { id: "cost-title" }, "Error against cost");
  if (state.track === ALL) {
    place.replaceChildren(title, element("p", { class: "empty" }, "Errors of different tracks don't compare: choose one track."));
    return;
  }
  const track = tracks.get(state.track);
  const { possible, cost } = costChoice(track);
  if (!cost) {
    place.replaceChildren(title, element("p", { class: "empty" }, "No row of this track has a cost on record. Papers print none that compares; costs come with measured rows."));
    return;
  }
  const methods = track.rows.filter((row) => row.kind === "method" && passes(row));
  const points = methods.filter((row) => isPoint(row, cost));
  const head = element("div", { class: "head" }, title, costPicker(possible, cost));
  if (!points.length) {
    place.replaceChildren(head, element("p", { class: "empty" }, "No row with this cost matches the filters."));
    return;
  }
  const width = Math.max(280, plotWidth);
  place.replaceChildren(head, scatter(points, cost, width), plotLegend(points, frontOf(points, cost)), inWords(points, cost, methods.length));
}

/** Arrow keys go from point to point, so that the whole plot is one stop for the tab key. */
function movePoint(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const here = event.target.closest && event.target.closest("a.point");
  if (!step || !here) return;
  const points = [...document.querySelectorAll("#cost a.point")];
  const next = points[(points.indexOf(here) + step + points.length) % points.length];
  event.preventDefault();
  here.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}
