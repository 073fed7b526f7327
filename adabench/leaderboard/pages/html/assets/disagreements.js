// What papers print differently about one method on one track.

const METRIC_CELLS = ["RMSE", "MAE", "PCC", "CCC"];

function printedRow(printed) {
  const place = [`table ${printed.table}`, printed.row].join(", ");
  return element(
    "tr", {},
    element("th", { scope: "row" }, printed.paper, element("span", { class: "sub" }, place)),
    METRIC_CELLS.map((name, index) => element(
      "td", { class: `number ${index > 1 ? "from-tablet" : ""}` }, name in printed.metrics ? score(printed.metrics[name]) : ""
    ))
  );
}

function printedTable(cases) {
  const bodies = cases.map((one) => element(
    "tbody", {},
    element("tr", { class: "case" }, element("th", { scope: "rowgroup", colspan: "5" }, one.method, element("span", { class: "sub" }, one.title))),
    one.printed.map(printedRow)
  ));
  const head = ["Printed by", ...METRIC_CELLS].map((name, index) => element(
    "th", { scope: "col", class: index ? `number ${index > 2 ? "from-tablet" : ""}` : "text" }, name
  ));
  return element("table", { class: "board printed" }, element("thead", {}, element("tr", {}, head)), bodies);
}

function variants(one) {
  const values = one.printed.map((row) => row.metrics.RMSE);
  const range = `${one.printed.length} rows, RMSE ${score(Math.min(...values))} to ${score(Math.max(...values))}`;
  const sorted = [...one.printed].sort((a, b) => a.metrics.RMSE - b.metrics.RMSE);
  return element(
    "details", {},
    element("summary", {}, element("strong", {}, one.method), ` on ${one.title}: ${range}`),
    printedTable([{ ...one, printed: sorted }])
  );
}

function renderDisagreements() {
  const of = (kind) => data.disagreements.filter((one) => one.kind === kind);
  const [between, within] = [of("between"), of("within")];
  const place = document.getElementById("disagreements");
  if (!between.length && !within.length) {
    place.remove();
    return;
  }
  place.replaceChildren(...[
    element("h2", { id: "disagreements-title" }, "Where the papers disagree"),
    between.length > 0 && element("p", {}, "Numbers for one method on one track that two papers print differently. Each is kept as printed; which is right can't be told from here."),
    between.length > 0 && printedTable(between),
    within.length > 0 && element("h3", {}, "One paper, several numbers"),
    within.length > 0 && element("p", {}, "Rows of a paper's own tables for one method on one track. Most are variants (modules left out, another trunk), so a number is worth little without its row."),
    ...within.map(variants),
  ].filter(Boolean));
}
