// The dialog that opens a row's records, and the papers' disagreements.

const dialog = document.getElementById("record");
const missing = () => element("span", { class: "missing" }, "not recorded");

function pairs(entries) {
  return element("dl", { class: "pairs" }, entries.filter(Boolean).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value ?? missing()))));
}

function part(title, ...content) {
  return element("section", {}, element("h3", {}, title), ...content);
}

function widePart(title, ...content) {
  return element("section", { class: "wide" }, element("h3", {}, title), ...content);
}

const code = (text) => (text ? element("code", {}, text) : null);

/** A link to a file beside the page; its path is encoded, so that it can't be any other address. */
function fileLink(path) {
  if (!path) return missing();
  return element("a", { class: "file", href: path.split("/").map(encodeURIComponent).join("/") }, path);
}

function table(header, body, kind) {
  return element(
    "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": header[0] === "Seed" ? "Runs" : "Numbers" },
    element("table", { class: kind },
      element("thead", {}, element("tr", {}, header.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, body.map(([first, ...rest]) => element(
        "tr", {}, element("th", { scope: "row" }, first), rest.map((cell) => element("td", {}, cell))
      ))))
  );
}

/** What the runs of a row differ in. */
function chanceOf(row) {
  if (row.draws && row.draws.length > 1) return "draws";
  return row.runs && row.runs.some((run) => run.fold) ? "folds" : "seeds";
}

/** What tells a run of a row from the others. */
function runName(row, run) {
  if (run.fold) return run.fold;
  const seed = run.seed === null ? "no seed" : `seed ${run.seed}`;
  if (chanceOf(row) !== "draws") return seed;
  return run.seed === run.draw ? `draw ${run.draw}` : `draw ${run.draw}, ${seed}`;
}

function metricsPart(row) {
  const names = data.metrics.filter((name) => row.metrics[name]);
  const columns = [
    ["Value", ([value]) => score(value)],
    [`± over ${chanceOf(row)}`, ([, deviation]) => score(deviation)],
    ["95 % interval", ([, , low, high]) => (low === null ? "" : `${score(low)} – ${score(high)}`)],
  ].filter(([, show]) => names.some((name) => show(row.metrics[name])));
  const body = names.map((name) => [name, ...columns.map(([, show]) => show(row.metrics[name]))]);
  return part("Metrics", table(["Metric", ...columns.map(([label]) => label)], body, "small"), standing(row));
}

function measuresPart(row) {
  if (!row.measures) return null;
  return part("Further measures", pairs(Object.entries(row.measures).map(([name, [value, deviation]]) =>
    [name, deviation === null ? score(value) : `${score(value)} ± ${score(deviation)}`])));
}

const GROUP_NUMBERS = { RMSE: "RMSE", MAE: "MAE", bias: "Bias", slope: "Slope" };

/** Value and spread of one of a group's numbers. */
function groupCell(found) {
  if (!found) return "";
  const [value, deviation, low, high] = found;
  const spread = deviation !== null ? `± ${score(deviation)}` : low !== null && `${score(low)} – ${score(high)}`;
  return [score(value), spread && element("span", { class: "spread" }, spread)];
}

/** Results by sex, age and what else the corpus tells of persons. */
function groupsPart(row) {
  if (!row.groups) return null;
  const has = (name) => row.groups.some((group) => group.numbers[name]);
  const names = Object.keys(GROUP_NUMBERS).filter((name) => name === "RMSE" || has(name));
  const isFew = (group) => !Object.keys(group.numbers).length;
  const body = row.groups.map((group) => [
    group.name, String(group.sessions), group.persons === null ? "" : String(group.persons),
    ...names.map((name, index) => (isFew(group) && !index ? "too few" : groupCell(group.numbers[name]))),
  ]);
  const told = [
    has("RMSE") && (row.runs.length > 1 ? `± is the sample deviation over ${chanceOf(row)}.` : "Below a number stands its 95 % bootstrap interval over persons."),
    has("bias") && "Bias is the mean prediction less the mean label, slope the label's on the prediction.",
    row.groups.some(isFew) && "Too few: of under 15 persons nothing is told.",
  ];
  const header = ["Group", "Sessions", "Persons", ...names.map((name) => GROUP_NUMBERS[name])];
  return widePart("By group of persons", table(header, body, "small groups"), element("p", { class: "sub" }, told.filter(Boolean).join(" ")));
}

function standing(row) {
  if (row.contradiction) {
    return element("p", { class: "notice warn" }, sign("⚠", "warning", "warn"), " A control contradicts this row: ", row.contradiction, ".");
  }
  const title = row.track.groups[row.group];
  const group = title && ` (${title})`;
  if (row.best) return element("p", { class: "standing" }, `The smallest figure of the measured rows that could be compared${group}.`);
  if (row.p === null) return null;
  const found = row.tied ? "Not told from the best measured row" : "Worse than the best measured row";
  const shown = (p) => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`);
  const chance = chanceOf(row);
  const where = chance === "draws" ? " on these draws" : "";
  const how = chance === "folds" ? "by the folds' differences (corrected t)" : "by persons";
  const beyond = row.p_beyond === null ? "" : ` Beyond these draws: ${shown(row.p_beyond)}.`;
  const [difference, low, high] = row.behind || [];
  const digits = row.share ? 3 : 2;
  const range = low === undefined ? "" : ` (95 % interval of a pair chosen beforehand ${low.toFixed(digits)} to ${high.toFixed(digits)})`;
  const unit = row.share ? "of the constant's error" : "points";
  const behind = row.behind ? ` Behind it by ${difference.toFixed(digits)} ${unit}${range}.` : "";
  return element("p", { class: "standing" }, `${found}${group}${where}: ${shown(row.p)}, ${how}, the choice of the best allowed for.${beyond}${behind}`);
}

function runsPart(row) {
  const names = data.metrics;
  const body = row.runs.map((run) => [
    run.fold || "",
    run.draw === null ? "" : String(run.draw),
    run.seed === null ? "none" : String(run.seed),
    ...names.map((name) => score(run.metrics[name])),
    run.intervals.RMSE ? run.intervals.RMSE.map(score).join(" – ") : "",
    "alone_seconds" in run.cost ? seconds(run.cost.alone_seconds) : "",
    "wall_seconds" in run.cost ? seconds(run.cost.wall_seconds) : "",
    run.created ? run.created.slice(0, 10) : "",
  ]);
  const header = ["Fold", "Draw", "Seed", ...names, "RMSE 95 %", "Time alone", "Own time", "Day"];
  const kept = header.map((_, index) => index === 2 || body.some((line) => line[index] !== ""));
  const pick = (line) => line.filter((_, index) => kept[index]);
  const files = row.runs.map((run) => element("li", {}, fileLink(run.file),
    run.side_files.length > 0 && element("span", { class: "sub" }, `with ${run.side_files.join(", ")}`)));
  return widePart(`Runs (${row.runs.length})`, table(pick(header), body.map(pick), "small"), element("ul", { class: "files" }, files));
}

/** The runs behind the numbers with persons kept apart, which stand beside the official ones. */
function besidePart(row) {
  if (!row.beside) return null;
  const { protocol, runs } = row.beside;
  const names = Object.keys(runs[0].metrics);
  const body = runs.map((run) => [run.seed === null ? "none" : String(run.seed), ...names.map((name) => score(run.metrics[name]))]);
  return widePart("With persons kept apart", element("p", { class: "sub" }, protocol),
    table(["Seed", ...names], body, "small"),
    element("ul", { class: "files" }, runs.map((run) => element("li", {}, fileLink(run.file)))));
}

function configPart(row) {
  const { setup } = row;
  const overrides = setup.overrides.length > 0 && element("ul", {}, setup.overrides.map((text) => element("li", {}, code(text))));
  return part("Config", pairs([
    ["Config", code(row.config || row.method)],
    ["Config hash", code(setup.config_hash)],
    ["Overrides", overrides || "none"],
    ["Pretrained weights", setup.pretrained ? [setup.pretrained, " ", code(setup.pretrained_checksum && setup.pretrained_checksum.slice(0, 16))] : "none"],
    setup.starts_from && ["Starts from", setup.starts_from],
    setup.semantics && ["Semantics", setup.semantics],
    setup.paper_compat && ["Mode", "paper_compat: its authors' choices"],
  ]));
}

function dataPart(row) {
  const { setup } = row;
  const sessions = setup.sessions ? `${plural(setup.sessions, "session")} of ${plural(setup.subjects, "person")}` : "none kept";
  return part("Data", pairs([
    ["Track", row.track.title],
    ["Corpus", setup.corpus + (setup.licensed ? " (licensed: no label in the record)" : "")],
    ["Corpus checksum", each(row, (run) => run.corpus)],
    ["Protocol", setup.protocol],
    ["Tasks", { joint: "joint: one model for all tasks", fused: "fused: a model a task", none: "one task" }[setup.fusion]],
    ["Predictions", sessions],
    ["Scored over", setup.scored],
  ]));
}

function costPart(row) {
  const found = Object.keys(COSTS).filter((name) => name in row.cost);
  if (!found.length) return null;
  const title = row.runs.length > 1 ? "Cost, mean over runs" : "Cost";
  return part(title, pairs(found.map((name) =>
    [COSTS[name].label, [COSTS[name].show(row.cost[name]), COSTS[name].of && ` ${COSTS[name].of}`].filter(Boolean)])));
}

const RELEVANCE = { roc_area: "ROC area", pr_area: "Precision–recall area", pointing: "Pointing", share: "Share on key frames" };

/** How well the relevance finds key frames, where these are known, between chance and ceiling. */
function relevancePart(row) {
  if (!row.relevance) return null;
  const labels = Object.keys(row.relevance);
  const names = Object.keys(RELEVANCE).filter((name) => labels.some((label) => row.relevance[label][name]));
  const cell = (found) => {
    if (!found) return "";
    const [value, chance, ceiling] = found;
    return [score(value), chance !== null && ceiling !== null
      && element("span", { class: "spread" }, `${score(chance)} – ${score(ceiling)}`)];
  };
  const body = labels.map((label) => [label, ...names.map((name) => cell(row.relevance[label][name]))]);
  return widePart("Relevance", table(["Units or level", ...names.map((name) => RELEVANCE[name])], body, "small groups"),
    element("p", { class: "sub" },
      "How well the relevance finds the true key frames, mean over clips: areas under the ROC curve and that of precision over recall, whether the largest lies on a key frame, and what share of it lies on key frames. "
      + "Below stand chance, the same relevance shifted round the clip, and the ceiling, the best that the method's units are known to allow."));
}

/** What calibrated intervals around single predictions held, and how wide they are. */
function intervalsPart(row) {
  if (!row.intervals) return null;
  const body = row.intervals.map((found) => [
    `${found.method}, ${Math.round(100 * found.level)} %`, score(found.coverage), score(found.width),
    found.relative_width === undefined ? "" : score(found.relative_width), found.score === undefined ? "" : score(found.score),
  ]);
  return widePart("Calibrated intervals", table(["Calibrator", "Held", "Width", "Of constant's", "Interval score"], body, "small groups"),
    element("p", { class: "sub" },
      "Fitted on sessions that neither trained nor selected. Held is the share of the tested labels within their interval, width its mean in points; "
      + "the score is the width and a penalty for each point outside, less is better."));
}

/** How the tested weights were chosen. */
function selectionPart(row) {
  if (!row.runs.some((run) => run.selection)) return null;
  const shown = (show) => each(row, (run) => (run.selection ? show(run.selection) : null));
  const known = (name) => row.runs.some((run) => run.selection && run.selection[name] !== null);
  const ofSchedule = ({ epochs, schedule }) => (schedule && schedule !== epochs ? `${epochs} of ${schedule}` : String(epochs));
  const metrics = (found) => data.metrics.filter((name) => name in found.metrics)
    .map((name) => `${name} ${score(found.metrics[name])}`).join(", ") || "no development data";
  const stages = ({ stages }) => Object.entries(stages).map(([name, looks]) => `${name} ${looks}`).join(", ") || "none";
  return part("How it was selected", pairs([
    known("rule") && ["Rule", shown(({ rule }) => rule)],
    known("epoch") && ["Epoch tested", shown(({ epoch }) => String(epoch))],
    known("epochs") && ["Epochs trained", shown(ofSchedule)],
    ["On development sessions", shown(metrics)],
    ["Looks at development labels", shown(({ looks }) => (looks === null ? null : String(looks)))],
    row.runs.some((run) => run.selection && Object.keys(run.selection.stages).length) && ["Looks of its stages", shown(stages)],
    known("budget") && ["Configurations compared", shown(({ budget }) => String(budget))],
  ]));
}

const CALIBRATION = { slope: "Slope", bias: "Bias", sigma_ratio: "σ ratio" };

/** How predictions lie to labels; derived from the metrics where a record doesn't tell it. */
function calibrationPart(row) {
  if (!row.calibration) return null;
  const { sigma } = row.calibration;
  const names = Object.keys(CALIBRATION).filter((name) => name in row.calibration);
  const told = ["Slope of labels on predictions; above 1, predictions are shrunken. Bias: mean prediction less mean label. σ ratio: deviation of predictions over that of labels."];
  if (sigma !== null) told.push(`Derived from RMSE, PCC and CCC, the deviation of the labels taken as ${sigma}.`);
  return part(sigma === null ? "Calibration" : "Calibration, derived", pairs(names.map((name) => {
    const [value, deviation] = row.calibration[name];
    return [CALIBRATION[name], deviation === null ? score(value) : `${score(value)} ± ${score(deviation)}`];
  })), element("p", { class: "sub" }, told.join(" ")));
}

/** What runs share is said once; what differs, per run. */
function each(row, show) {
  const shown = row.runs.map((run) => [runName(row, run), show(run)]);
  const different = new Set(shown.map(([, text]) => text ?? ""));
  if (different.size <= 1) return shown[0][1];
  return element("ul", {}, shown.map(([name, text]) => element("li", {}, `${name}: `, text ?? missing())));
}

function describeMachine(hardware) {
  const { processor, system, python, ...rest } = hardware;
  const more = Object.entries(rest).map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`);
  return [processor, ...more, system, python && `Python ${python}`].filter(Boolean).join(", ");
}

function originPart(row) {
  const tree = (run) => (run.clean_tree === null ? null
    : run.clean_tree ? "clean: the commit is all there was" : "changed: files differed from the commit");
  const machine = (run) => (run.hardware === null ? null : describeMachine(data.shared.hardware[run.hardware]));
  const lists = [...new Set(row.runs.map((run) => run.packages))].filter((index) => index !== null);
  const packages = lists.map((index) => element("details", {},
    element("summary", {}, `Versions of ${plural(Object.keys(data.shared.packages[index]).length, "package")}`),
    element("p", { class: "packages" }, Object.entries(data.shared.packages[index]).map(([name, version]) => `${name} ${version}`).join(", "))));
  return part("Where it was run", pairs([
    ["Hardware", each(row, machine)],
    ["Commit", each(row, (run) => run.commit && run.commit.slice(0, 12))],
    ["Working tree", each(row, tree)],
  ]), packages);
}

function trustPart(row) {
  if (!row.runs.some((run) => run.contract || run.decoy)) return null;
  const decoys = { equal: "equal: names of test clips change no prediction", "sees labels": "sees labels: predictions follow the names of test clips" };
  return part("What was asked of the method", pairs([
    ["Contract", each(row, (run) => run.contract)],
    ["Decoy of the test clips", each(row, (run) => decoys[run.decoy] ?? run.decoy)],
  ]));
}

function olderPart(row) {
  if (!row.older) return null;
  return widePart("Older versions of its code", element("ul", {}, row.older.map((version) =>
    element("li", {}, version.told, element("ul", { class: "files" }, version.files.map((file) => element("li", {}, fileLink(file))))))));
}

function notesPart(row) {
  if (!row.notes.length) return null;
  const byRun = (row.runs || []).flatMap((run) => run.notes.map((note) => [runName(row, run), note]));
  const single = new Set(byRun.map(([, note]) => note));
  const shared = row.notes.filter((note) => !single.has(note));
  return widePart("Notes", element("ul", {},
    shared.map((note) => element("li", {}, note)),
    byRun.map(([name, note]) => element("li", {}, `${name}: ${note}`))));
}

function sourcePart(row) {
  const { source } = row;
  const others = row.track.rows.filter((other) => other !== row && other.source && other.method === row.method);
  const list = element("ul", {}, others.map((other) => element("li", {},
    element("a", { href: address({ row: other.id }), "data-row": other.id },
      `${other.source.paper}, table ${other.source.table}, ${other.source.row}`),
    `: RMSE ${score(other.metrics.RMSE[0])}, MAE ${score(other.metrics.MAE[0])}`)));
  return [
    part("Source", pairs([["Paper", source.paper], ["Table", source.table], ["Row", source.row], ["Scored over", source.scored], ["File", fileLink(source.file)]])),
    others.length > 0 && part(row.disputed ? "Printed differently elsewhere" : "Other rows of this method", list),
  ];
}

function recordBody(row) {
  if (row.source) return [metricsPart(row), calibrationPart(row), sourcePart(row), notesPart(row)];
  const parts = [calibrationPart, intervalsPart, measuresPart, costPart, runsPart, besidePart, curvePart, selectionPart, groupsPart, configPart, dataPart, originPart, trustPart, relevancePart, olderPart, notesPart];
  return [metricsPart(row), ...parts.map((make) => make(row))];
}

function neighbours(row) {
  const shown = visibleRows(row.track);
  const index = shown.indexOf(row);
  const button = (label, other) => element(
    "button", { type: "button", class: "step", "data-row": other ? other.id : null, disabled: !other }, label
  );
  return [button("← Previous", shown[index - 1]), button("Next →", index < 0 ? null : shown[index + 1])];
}

function renderRecord(row) {
  const flags = row.flags.length > 0 && element("p", { class: "flags" },
    row.flags.map((flag) => element("span", { class: "flag" }, flag)));
  dialog.replaceChildren(
    element("header", {},
      element("div", {},
        element("h2", { id: "record-title", tabindex: "-1" }, row.method),
        element("p", { class: "sub" }, originBadge(row), " · ", [row.config, originDetail(row), row.track.title].filter(Boolean).join(" · ")),
        flags),
      element("button", { type: "button", class: "close", "aria-label": "Close" }, "×")),
    element("div", { class: "parts" }, recordBody(row).flat().filter(Boolean)),
    element("footer", {}, neighbours(row))
  );
  dialog.scrollTop = 0;
}

/** Opens or closes the dialog as the state says. */
function syncDialog() {
  if (state.row) {
    renderRecord(rows.get(state.row));
    if (!dialog.open) dialog.showModal();
    document.getElementById("record-title").focus();
  } else if (dialog.open) {
    dialog.close();
  }
}
