// Tracks and filters: what is shown, and how many rows each choice would show.

const isReal = (track) => !track.demo;

function renderSummary() {
  const count = (origin) => [...rows.values()].filter((row) => row.origin === origin).length;
  const pairs = [["tracks", data.tracks.length], ...ORIGINS.map((name) => [name, count(name)])];
  document.getElementById("summary").replaceChildren(
    ...pairs.map(([name, value]) => element(
      "div", { class: name }, element("dt", {}, name), element("dd", {}, value.toLocaleString("en"))
    ))
  );
}

function trackLink(name, title, size) {
  return element(
    "li", {},
    element(
      "a",
      { href: address({ track: name, row: "" }), "data-track": name, "aria-current": state.track === name ? "page" : null },
      title, element("span", { class: "count" }, size.toLocaleString("en"))
    )
  );
}

/** A track's title without what the whole page says. */
const shortTitle = (track) => (data.drawn ? track.title.replace(`: ${data.drawn}`, "") : track.title);

function renderTracks() {
  const group = (title, members, more) => members.length > 0 && element(
    "div", { class: "group" },
    element("h2", {}, title),
    element("ul", {}, members.map((track) => trackLink(track.name, shortTitle(track), track.rows.length)), more)
  );
  const all = data.tracks.length > 1 && element(
    "div", { class: "group" },
    element("h2", {}, "Together"), element("ul", {}, trackLink(ALL, "All tracks", rows.size))
  );
  document.getElementById("tracks").replaceChildren(...[
    group("Real corpora", data.tracks.filter(isReal)),
    group("Drawn faces (demo)", data.tracks.filter((track) => track.demo)),
    all,
  ].filter(Boolean));
}

/** Choice → how many rows of the shown tracks have it, other filters applied. */
function tally(except, choicesOf) {
  const counts = new Map();
  for (const track of shownTracks()) {
    for (const row of track.rows) {
      const counted = passes(row, except) ? 1 : 0;
      for (const choice of choicesOf(row)) counts.set(choice, (counts.get(choice) || 0) + counted);
    }
  }
  return counts;
}

function chip(filter, name, counts, pressed, label = name) {
  return element(
    "button",
    { type: "button", class: filter === "origins" ? `chip ${name}` : "chip", "data-filter": filter, "data-name": name, "aria-pressed": String(pressed) },
    label, element("span", { class: "count" }, (counts.get(name) || 0).toLocaleString("en"))
  );
}

function choices(title, kind, buttons) {
  return buttons.length > 0 && element(
    "fieldset", { class: kind }, element("legend", {}, title), element("div", { class: "chips" }, buttons)
  );
}

function originChoices() {
  const counts = tally("origins", (row) => [row.origin]);
  const names = ORIGINS.filter((name) => counts.has(name) || state.origins.has(name));
  return choices("Origin", "origins", names.map((name) => chip("origins", name, counts, state.origins.has(name))));
}

function familyChoices() {
  const counts = tally("families", (row) => [row.family]);
  const names = data.families.filter((name) => counts.has(name) || state.families.has(name));
  return choices("Family", "families", names.map((name) => chip("families", name, counts, state.families.has(name))));
}

function flagChoices() {
  const counts = tally("flags", filterFlags);
  for (const flag of state.flags.keys()) if (!counts.has(flag)) counts.set(flag, 0);
  // What every row has tells no rows apart.
  const total = shownTracks().reduce((sum, track) => sum + track.rows.filter((row) => passes(row, "flags")).length, 0);
  const names = [...counts.keys()].filter((name) => counts.get(name) < total || state.flags.has(name))
    .sort((a, b) => a.localeCompare(b, "en"));
  const label = { only: "only ", without: "without " };
  return choices("Flags", "flags", names.map((name) => {
    const how = state.flags.get(name);
    const button = chip("flags", name, counts, Boolean(how), (label[how] || "") + name);
    button.dataset.how = how || "";
    return button;
  }));
}

function sortChoice() {
  const options = COLUMNS.flatMap(({ key, label }) => [
    element("option", { value: key, selected: state.sort === key && !state.descending }, `${label}, ascending`),
    element("option", { value: `-${key}`, selected: state.sort === key && state.descending }, `${label}, descending`),
  ]);
  return element("label", { class: "sorting" }, "Sort by ", element("select", { id: "sort" }, options));
}

const isFiltered = () =>
  Boolean(state.text || state.origins.size || state.families.size || state.flags.size);

/** The filters' frame, made once, so that typing is not disturbed. */
function makeFilters() {
  const search = element("input", {
    type: "search", id: "search", placeholder: "Method, config, paper, flag …", autocomplete: "off", spellcheck: "false",
  });
  const wide = matchMedia("(min-width: 46rem)").matches;
  document.getElementById("filters").replaceChildren(
    element("div", { class: "bar" },
      element("label", { class: "searching" }, element("span", {}, "Search"), search),
      element("div", { id: "sorting" }),
      element("button", { type: "button", id: "clear" }, "Clear filters")),
    element("details", { id: "choices", open: wide },
      element("summary", {}, "Origin, family and flags"), element("div", { id: "chosen" }))
  );
}

function renderSorting() {
  document.getElementById("sorting").replaceChildren(sortChoice());
}

function renderFilters() {
  const focused = document.activeElement;
  const kept = focused && focused.dataset ? [focused.dataset.filter, focused.dataset.name] : [];
  const search = document.getElementById("search");
  if (search.value !== state.text) search.value = state.text;
  renderSorting();
  document.getElementById("clear").hidden = !isFiltered();
  const chosen = document.getElementById("chosen");
  chosen.replaceChildren(...[originChoices(), familyChoices(), flagChoices()].filter(Boolean));
  if (kept[0]) {
    const again = [...chosen.querySelectorAll("button")].find(
      (button) => button.dataset.filter === kept[0] && button.dataset.name === kept[1]
    );
    if (again) again.focus();
  }
}

/** Chips of origin and family are on or off; those of flags go round: any, only, without. */
function toggle(filter, name) {
  if (filter !== "flags") {
    if (!state[filter].delete(name)) state[filter].add(name);
    return;
  }
  const next = { undefined: "only", only: "without" }[state.flags.get(name)];
  if (next) state.flags.set(name, next);
  else state.flags.delete(name);
}

function renderStatus() {
  const all = shownTracks().flatMap((track) => track.rows);
  const shown = all.filter((row) => passes(row)).length;
  const label = COLUMNS.find(({ key }) => key === state.sort).label;
  const count = shown === all.length ? plural(shown, "row") : `${shown.toLocaleString("en")} of ${plural(all.length, "row")}`;
  document.getElementById("status").textContent =
    `${count}, sorted by ${label}, ${state.descending ? "descending" : "ascending"}`;
}
