// Small makers of elements, and how numbers are written.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Children are nodes or text; text is never parsed, whatever a record holds. */
function element(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** Words for a screen reader alone, where a sign says it to the eye. */
const spoken = (text) => element("span", { class: "spoken" }, text);

/** A sign for the eye, and what a screen reader says in its place. */
const sign = (text, meaning, kind = "") =>
  element("span", { class: `mark ${kind}`, role: "img", "aria-label": meaning }, text);

const LONG = 14;

/** A name made of parts, which may break after each if it is long. */
function breakable(text) {
  if (text.length <= LONG) return [text];
  return text.split(/(?<=[_.=/])/).flatMap((part, index) => (index ? [element("wbr"), part] : [part]));
}

const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

const score = (value) => (value === null || value === undefined ? "" : value.toFixed(2));

function withUnit(value, steps) {
  const [size, unit] = steps.find(([least]) => value >= least) || steps[steps.length - 1];
  return `${Number((value / size).toPrecision(3))} ${unit}`.trim();
}

const COUNTS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];
const count = (value) => withUnit(value, COUNTS);
const seconds = (value) => withUnit(value, [[3600, "h"], [60, "min"], [1, "s"]]);

const megabytes = (value) => withUnit(value, [[1000, "GB"], [1, "MB"]]);

/** What a row can cost: how it is written, and what it is of. */
const COSTS = {
  parameters: { label: "Parameters", show: count },
  multiply_adds: { label: "Multiply-adds", show: count, of: "of one clip" },
  alone_seconds: { label: "Time alone", show: seconds, of: "as if from nothing" },
  wall_seconds: { label: "Own time", show: seconds, of: "with what it found made" },
  frames_per_second: { label: "Speed", show: (value) => `${count(value)} frames a second` },
  peak_memory_mb: { label: "Peak memory", show: megabytes },
};
