// The data, what the reader has chosen, and the address that holds the choice.

const data = JSON.parse(document.getElementById("data").textContent);
const ALL = "all";
const ORIGINS = ["reported", "measured", "local"];

const tracks = new Map(data.tracks.map((track) => [track.name, track]));
const rows = new Map();
for (const track of data.tracks) {
  for (const row of track.rows) rows.set(row.id, Object.assign(row, { track }));
}

const state = fresh();

function fresh() {
  return {
    track: data.tracks.length ? data.tracks[0].name : ALL,
    sort: data.sort,
    descending: false,
    text: "",
    origins: new Set(),
    families: new Set(),
    flags: new Map(), // flag → "only" or "without"
    cost: "",
    row: "",
  };
}

/** The choice as the address's fragment; what is as at the start is left out. */
function address(change = {}) {
  const shown = { ...state, ...change };
  const start = fresh();
  const words = new URLSearchParams();
  if (shown.track !== start.track) words.set("track", shown.track);
  if (shown.sort !== start.sort || shown.descending) {
    words.set("sort", (shown.descending ? "-" : "") + shown.sort);
  }
  if (shown.text) words.set("q", shown.text);
  for (const origin of shown.origins) words.append("origin", origin);
  for (const family of shown.families) words.append("family", family);
  for (const [flag, how] of shown.flags) words.append(how, flag);
  if (shown.cost) words.set("cost", shown.cost);
  if (shown.row) words.set("row", shown.row);
  return `#${words}`;
}

/** Takes over what the address says; what it doesn't know is passed over. */
function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const sort = words.get("sort") || data.sort;
  Object.assign(state, fresh(), {
    text: words.get("q") || "",
    descending: sort.startsWith("-"),
    origins: new Set(words.getAll("origin").filter((name) => ORIGINS.includes(name))),
    families: new Set(words.getAll("family").filter((name) => data.families.includes(name))),
    cost: words.get("cost") in COSTS ? words.get("cost") : "",
    row: rows.has(words.get("row")) ? words.get("row") : "",
  });
  if (COLUMNS.some(({ key }) => key === sort.replace(/^-/, ""))) state.sort = sort.replace(/^-/, "");
  for (const how of ["only", "without"]) {
    for (const flag of words.getAll(how)) state.flags.set(flag, how);
  }
  const track = words.get("track");
  if (track === ALL || tracks.has(track)) state.track = track;
  const own = state.row && rows.get(state.row).track.name;
  if (own && state.track !== ALL) state.track = own;
}

/** Writes the choice to the address; a new entry in the history only where going back helps. */
function writeAddress(isStep = false) {
  if (address() === (location.hash || "#")) return;
  history[isStep ? "pushState" : "replaceState"](null, "", address());
}

const shownTracks = () => (state.track === ALL ? data.tracks : [tracks.get(state.track)]);

/** The flags that a row can be filtered by: its own, and what the page found about it. */
function filterFlags(row) {
  if (!row.filterFlags) {
    const own = ownFlags(row).filter((flag) => flag !== row.kind)
      .map((flag) => (flag.startsWith("with ") ? "with overrides" : flag));
    row.filterFlags = new Set(own);
    if (row.contradiction) row.filterFlags.add("contradicted");
    if (row.tied) row.filterFlags.add("not told from the best");
    if (row.tied_beyond) row.filterFlags.add("not told from the best beyond these draws");
    if (row.disputed) row.filterFlags.add("papers disagree");
    if (row.runs && row.runs.some((run) => run.clean_tree === false)) {
      row.filterFlags.add("changed tree");
    }
  }
  return row.filterFlags;
}

function searchText(row) {
  if (!row.searchText) {
    const source = row.source ? [row.source.paper, `table ${row.source.table}`, row.source.row] : [];
    const words = [row.method, row.config, row.origin, row.family, ...row.flags, ...row.notes];
    row.searchText = [...words, ...source, row.contradiction].join("\n").toLowerCase();
  }
  return row.searchText;
}

/** The words of the search; kept, since thousands of rows are asked. */
function wanted() {
  if (wanted.text !== state.text) {
    wanted.text = state.text;
    wanted.words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  }
  return wanted.words;
}

/** Whether a row passes every filter but the one named, whose own choices are being counted. */
function passes(row, except = "") {
  if (state.text && !wanted().every((word) => searchText(row).includes(word))) return false;
  if (except !== "origins" && state.origins.size && !state.origins.has(row.origin)) return false;
  if (except !== "families" && state.families.size && !state.families.has(row.family)) return false;
  if (except === "flags") return true;
  for (const [flag, how] of state.flags) {
    if (filterFlags(row).has(flag) !== (how === "only")) return false;
  }
  return true;
}
