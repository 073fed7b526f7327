// One table a track: its columns, its rows, its order.

/** Metric → whether a lower value is better. */
const METRICS = { RMSE: true, MAE: true, PCC: false, CCC: false };
const byCost = (key) => (row) => row.cost[key];

const COLUMNS = [
  { key: "method", label: "Method", value: (row) => `${row.method}\n${row.config}`.toLowerCase() },
  { key: "origin", label: "Origin", value: originText, cell: originCell, from: "wide" },
  { key: "draws", label: "Draws", value: (row) => (row.draws ? row.draws.length : null), from: "wide" },
  { key: "seeds", label: "Seeds", value: seedsBeside, from: "wide" },
  ...(data.drawn ? [{
    key: "share", label: "Of constant", value: (row) => (row.share ? row.share[0] : null), cell: shareCell, from: "phone",
  }] : []),
  ...Object.keys(METRICS).map((key) => ({
    key,
    label: key,
    value: (row) => (row.metrics[key] && !row.disjoint_only ? row.metrics[key][0] : null),
    cell: (row) => metricCell(row, key),
    from: key === "RMSE" || key === "MAE" ? "phone" : "tablet",
  })),
  ...[["slope", "Slope"], ["sigma_ratio", "σ ratio"]].map(([key, label]) => ({
    key,
    label,
    value: (row) => (row.calibration && row.calibration[key] ? row.calibration[key][0] : null),
    cell: (row) => calibrationCell(row, key),
    from: "widest",
  })),
  {
    key: "relevance",
    label: "Relevance",
    value: (row) => (relevanceArea(row) ? relevanceArea(row)[0] : null),
    cell: relevanceCell,
    from: "widest",
  },
  ...(data.tracks.some(({ both }) => both) ? ["RMSE", "MAE"] : []).map((key) => ({
    key: `${key}_disjoint`,
    label: `${key} disjoint`,
    value: (row) => (row.disjoint && row.disjoint[key] ? row.disjoint[key][0] : null),
    cell: (row) => disjointCell(row, key),
    from: key === "RMSE" ? "phone" : "vast",
    both: true,
  })),
  ...["parameters", "multiply_adds", "alone_seconds"].map((key) => ({
    key,
    label: COSTS[key].label,
    value: byCost(key),
    cell: (row) => (key in row.cost ? COSTS[key].show(row.cost[key]) : ""),
    from: key === "multiply_adds" || (data.drawn && key === "alone_seconds") ? "vast" : "desk",
  })),
  { key: "flags", label: "Flags and notes", value: flagText, cell: flagCell, from: "desk" },
];

/** How many seeds, where that is not how many draws, which stands beside it. */
function seedsBeside(row) {
  return row.draws && row.draws.length === row.seeds.length ? null : row.seeds.length || null;
}

const TEXTUAL = new Set(["method", "origin", "flags"]);

function originText(row) {
  if (row.source) return `reported ${row.source.paper} ${row.source.table}`;
  return row.place === row.origin ? row.origin : `${row.origin} ${row.place}`;
}

function ownFlags(row) {
  return row.flags.filter((flag) => !row.track.shared_flags.includes(flag));
}

function flagText(row) {
  return [...ownFlags(row), ...row.notes].join(" ").toLowerCase() || null;
}

/** The columns that at least one row of the track fills. */
function columnsOf(track) {
  if (!track.columns) {
    const isFilled = ({ value }) => track.rows.some((row) => (value(row) ?? null) !== null);
    // Of AVEC both protocols are shown, whether or not anybody ran the second.
    const isKept = (column) => column.key === "method" || (column.both && track.both);
    track.columns = COLUMNS.filter((column) => isKept(column) || isFilled(column));
  }
  return track.columns;
}

/** Reported rows are rivals of each other, measured ones of their peers on the same draws. */
const rivalsOf = (row) => (row.origin === "reported" ? row.origin : row.peers);
const isRival = (row) => row.kind === "method" && !row.contradiction && !row.disjoint_only;

/** Metric and rivals → the best number among two or more. */
function bestOf(track) {
  if (track.best) return track.best;
  track.best = new Map();
  for (const key of Object.keys(METRICS)) {
    const better = METRICS[key] ? Math.min : Math.max;
    const values = new Map();
    for (const row of track.rows.filter((one) => isRival(one) && one.metrics[key])) {
      const own = values.get(rivalsOf(row)) || [];
      values.set(rivalsOf(row), own);
      own.push(row.metrics[key][0]);
    }
    for (const [rivals, own] of values) {
      if (own.length > 1) track.best.set(`${key} ${rivals}`, own.reduce((a, b) => better(a, b)));
    }
  }
  return track.best;
}

function metricCell(row, key) {
  if (!row.metrics[key] || row.disjoint_only) return "";
  const [value] = row.metrics[key];
  const isReported = row.origin === "reported";
  const isBest = isRival(row) && bestOf(row.track).get(`${key} ${rivalsOf(row)}`) === value;
  const parts = [isBest ? element("strong", {}, score(value)) : score(value)];
  if (isBest) parts.unshift(isReported ? sign("☆", "best reported") : sign("★", "best measured"));
  if (key === "RMSE" && !row.share) parts.unshift(...tiedSigns(row));
  const spread = spreadText(row, key);
  if (spread) parts.push(element("span", { class: "spread" }, spread));
  return parts;
}

/** What is derived from the metrics says so; how, stands in the row's record. */
function calibrationCell(row, key) {
  if (!row.calibration || !row.calibration[key]) return "";
  const number = score(row.calibration[key][0]);
  return row.calibration.sigma === null ? number : [number, sign("†", "derived from the metrics")];
}

const relevanceArea = (row) => row.relevance && row.relevance.all && row.relevance.all.roc_area;

/** The area under the ROC curve for key frames, between chance and ceiling. */
function relevanceCell(row) {
  if (!relevanceArea(row)) return "";
  const [value, chance, ceiling] = relevanceArea(row);
  return [score(value), chance !== null && ceiling !== null
    && element("span", { class: "spread" }, `${score(chance)}–${score(ceiling)}`)];
}

/** The signs of a row that can't be told from the best, at the number by which its table is sorted. */
function tiedSigns(row) {
  const why = row.p < data.significance ? ", whose difference's interval holds 0" : "";
  if (row.tied) return [sign("≈", `not told from the best${why}, p ${row.p.toFixed(2)}`)];
  if (row.tied_beyond) return [sign("~", `told from the best on these draws alone, beyond them p ${row.p_beyond.toFixed(2)}`)];
  return [];
}

/** The error as a share of the constant's, and its deviation over draws. */
function shareCell(row) {
  if (!row.share) return "";
  const [value, deviation] = row.share;
  const spread = deviation !== null && element("span", { class: "spread" }, `± ${score(deviation)}`);
  return [...tiedSigns(row), score(value), spread];
}

/** What the same method has with nobody in two parts. */
function disjointCell(row, key) {
  if (!row.disjoint || !row.disjoint[key]) return "";
  const [value, deviation] = row.disjoint[key];
  const spread = deviation !== null && element("span", { class: "spread" }, `± ${score(deviation)}`);
  const tied = key === "RMSE" && row.disjoint_tied && sign("≈", "not told from the best with persons kept apart");
  return [tied, score(value), spread];
}

/** Deviation over draws or seeds, or a single seed's interval; kept to the errors, the rest is in the record. */
function spreadText(row, key) {
  if (!METRICS[key] || !row.metrics[key]) return "";
  const [, deviation, low, high] = row.metrics[key];
  if (deviation !== null) return `± ${score(deviation)}`;
  return key === "RMSE" && low !== null ? `${low.toFixed(1)}–${high.toFixed(1)}` : "";
}

function hasSpread(track) {
  track.hasSpread ??= track.rows.some(({ metrics }) => metrics.RMSE.slice(1).some((value) => value !== null));
  return track.hasSpread;
}

function originBadge(row) {
  return element("span", { class: `origin ${row.origin}` }, row.origin);
}

/** For a phone; a paper's table speaks for itself, beside the hollow sign. */
function narrowOrigin(row) {
  return row.source ? originDetail(row) : [row.origin, originDetail(row)].filter(Boolean).join(" ");
}

function originDetail(row) {
  if (row.source) return `${row.source.paper}, table ${row.source.table}`;
  return row.place === row.origin ? "" : row.place;
}

function originCell(row) {
  const detail = originDetail(row);
  return [originBadge(row), detail && element("span", { class: "detail" }, detail)];
}

/** Whether the heading above a row's group says what a flag says. */
const isTitled = (row, flag) => row.track.groups[row.group].includes(flag.replace(/^starts from/, "starting from"));

function flagCell(row) {
  const chips = ownFlags(row).filter((flag) => flag !== row.kind && !isTitled(row, flag))
    .map((flag) => element("span", { class: "flag" }, breakable(flag)));
  if (row.disputed) chips.unshift(element("span", { class: "flag strong" }, "papers disagree"));
  const note = row.source && row.notes.join("; ");
  return [warning(row), ...chips, note && element("span", { class: "sub note" }, note)];
}

/** What a control says, without its figures: these are in the row's record. */
function warning(row, kind = "") {
  return row.contradiction && element(
    "span", { class: `contradiction ${kind}` }, sign("⚠", "contradicted:", "warn"),
    row.contradiction.replace(/ \(RMSE [^)]*\)/g, "")
  );
}

/** A bound's name without the word that stands beside it anyway. */
const shortName = (row) => (row.kind === "bound" ? row.method.replace(/^bound: /, "") : row.method);

function methodCell(row) {
  const config = row.config && row.kind !== "bound" && element("span", { class: "sub" }, breakable(row.config));
  const kind = row.kind !== "method" && element("span", { class: "flag kind" }, row.kind);
  const open = element(
    "button", { type: "button", class: "open", id: `row-${row.id}`, "aria-haspopup": "dialog" }, shortName(row)
  );
  return element(
    "th", { scope: "row", "data-origin": narrowOrigin(row) }, open, kind, config, warning(row, "below-desk")
  );
}

function cellClass(row, column) {
  const kind = TEXTUAL.has(column.key) ? "text" : "number";
  // Keeps the digits of a column below each other where only some have a spread beside them.
  const isBare = METRICS[column.key] && hasSpread(row.track) && !spreadText(row, column.key);
  return `${kind} from-${column.from} c-${column.key}${isBare ? " bare" : ""}`;
}

/** A row's element; made once, then only moved. */
function rowElement(row) {
  if (!row.element) {
    const cells = columnsOf(row.track).slice(1).map((column) => element(
      "td", { class: cellClass(row, column) }, column.cell ? column.cell(row) : column.value(row) ?? ""
    ));
    const classes = [row.origin, row.kind, row.contradiction ? "contradicted" : ""].join(" ").trim();
    row.element = element("tr", { class: classes, "data-row": row.id }, methodCell(row), cells);
  }
  return row.element;
}

const collator = new Intl.Collator("en", { numeric: true });

function compare(a, b, column) {
  const [left, right] = [column.value(a) ?? null, column.value(b) ?? null];
  if (left === right) return (a.metrics.RMSE[0] - b.metrics.RMSE[0]) || collator.compare(a.method, b.method);
  // What has no value comes last, whichever way the column is sorted.
  if (left === null || right === null) return left === null ? 1 : -1;
  const order = typeof left === "string" ? collator.compare(left, right) : left - right;
  return state.descending ? -order : order;
}

/** A track's rows that pass the filters, in the chosen order within their groups. */
function visibleRows(track) {
  const column = COLUMNS.find(({ key }) => key === state.sort);
  return track.rows.filter((row) => passes(row))
    .sort((a, b) => a.group - b.group || compare(a, b, column));
}

function headerCell(column) {
  const isSorted = state.sort === column.key;
  const arrow = isSorted ? (state.descending ? "▼" : "▲") : "";
  const better = column.key in METRICS && (METRICS[column.key] ? "low is good" : "high is good");
  const button = element(
    "button",
    { type: "button", class: "sort", "data-sort": column.key },
    column.label,
    element("span", { class: "arrow", "aria-hidden": "true" }, arrow),
    better && spoken(`, ${better}`)
  );
  const hint = better && element("span", { class: "hint", "aria-hidden": "true" }, better);
  const sorted = isSorted ? (state.descending ? "descending" : "ascending") : null;
  const kind = TEXTUAL.has(column.key) ? "text" : "number";
  const from = column.from ? `from-${column.from}` : "";
  return element("th", { scope: "col", class: `${kind} ${from} c-${column.key}`, "aria-sort": sorted }, button, hint);
}

/** What a group's rows share that others don't, above the first of them. */
function groupHeading(row) {
  const title = row.track.groups[row.group];
  if (!title) return [];
  return [element("tr", { class: "group" }, element("th", { scope: "rowgroup" }, title[0].toUpperCase() + title.slice(1)))];
}

/** Stretches the headings of groups over the columns that this width shows: more would make columns of their own. */
function spanGroups() {
  for (const board of document.querySelectorAll(".board")) {
    const headings = board.querySelectorAll(".group th");
    if (!headings.length) continue;
    const shown = [...board.querySelectorAll("thead th")].filter((cell) => getComputedStyle(cell).display !== "none");
    for (const heading of headings) heading.colSpan = shown.length;
  }
}

// Nobody reads more at once, and laying out thousands takes seconds.
const MOST_ROWS = 1000;

/** Shows the rest of a long table. */
function moreButton(track, shown) {
  return !track.isWhole && shown.length > MOST_ROWS && element(
    "button", { type: "button", class: "more step", "data-whole": track.name }, `The first ${MOST_ROWS.toLocaleString("en")} are shown. Show all ${plural(shown.length, "row")}`
  );
}

function trackTable(track, shown) {
  const caption = element("caption", { class: "spoken" }, `${track.title}: ${plural(shown.length, "row")}`);
  const head = element("thead", {}, element("tr", {}, columnsOf(track).map(headerCell)));
  const body = element("tbody", {}, shown.slice(0, track.isWhole ? shown.length : MOST_ROWS).flatMap((row, index) =>
    (index && row.group === shown[index - 1].group ? [] : groupHeading(row)).concat(rowElement(row))));
  return element("table", { class: "board" }, caption, head, body);
}

function trackNotices(track) {
  const notices = [];
  if (track.draws) {
    notices.push(element("p", { class: "shared" }, track.draws));
  } else if (track.corpora.length > 1) {
    const names = track.corpora.map((checksum) => checksum.slice(0, 8)).join(", ");
    notices.push(element(
      "p", { class: "notice" },
      `The measured rows come from ${track.corpora.length} different corpora (${names}); compare only rows of one corpus.`
    ));
  }
  const measured = track.rows.filter((row) => row.setup && row.kind === "method");
  if (measured.length > 1 && measured.every((row) => row.setup.licensed && row.p === null && !row.best)) {
    notices.push(element("p", { class: "shared" },
      "The labels of this corpus come under a licence and were not at hand, so no row was tested against the best one."));
  }
  if (track.shared_flags.length) {
    const flags = track.shared_flags.map((flag) => element("span", { class: "flag" }, flag));
    notices.push(element("p", { class: "shared" }, "Every measured row: ", flags));
  }
  return notices;
}

function trackSection(track) {
  const shown = visibleRows(track);
  const heading = element(
    "h2", { id: `track-${track.name}` }, track.title, " ", element("code", {}, track.name)
  );
  const body = shown.length ? trackTable(track, shown) : element("p", { class: "empty" }, "No row matches these filters.");
  return element("section", { class: "track", "aria-labelledby": `track-${track.name}` }, heading, trackNotices(track), body, moreButton(track, shown),
    track.below.map((line) => element("p", { class: "shared" }, line)));
}

/** All that is shown of the tables, made in one go: real tracks, then demo tracks under their heading. */
function tableSections() {
  const isDemo = ({ demo }) => demo;
  const shown = shownTracks();
  const parts = shown.filter((track) => !isDemo(track)).map(trackSection);
  const demo = shown.filter(isDemo);
  if (demo.length) {
    parts.push(element(
      "div", { class: "demo" },
      element("p", { class: "notice", role: "note" }, data.demo_notice),
      demo.map(trackSection)
    ));
  }
  return parts;
}
