// Wires the parts: the address is read, everything is drawn, and each act of the reader changes both.

function renderTables() {
  document.getElementById("tables").replaceChildren(...tableSections());
  spanGroups();
}

function renderAll() {
  renderTracks();
  renderFilters();
  renderStatus();
  renderTables();
  renderPlot();
}

/** Another order changes neither what is counted nor what is plotted. */
function reordered() {
  writeAddress();
  renderSorting();
  renderStatus();
  renderTables();
}

/** Draws again what a choice changes, and writes it to the address. */
function changed({ isStep = false } = {}) {
  writeAddress(isStep);
  renderAll();
}

function openRow(id) {
  state.row = id;
  const track = rows.get(id).track.name;
  const isElsewhere = state.track !== ALL && state.track !== track;
  if (isElsewhere) state.track = track;
  writeAddress(true);
  if (isElsewhere) renderAll();
  syncDialog();
}

/** Escape, the button and a click beside it all end here; focus goes back to the row. */
function closedRow() {
  const id = state.row;
  if (!id) return;
  state.row = "";
  writeAddress();
  (document.getElementById(`row-${id}`) || document.getElementById("tables")).focus();
}

function sortBy(key) {
  state.descending = state.sort === key ? !state.descending : startsDescending(key);
  state.sort = key;
  reordered();
  const button = document.querySelector(`button.sort[data-sort="${key}"]`);
  if (button) button.focus();
}

const startsDescending = (key) => key in METRICS && !METRICS[key];

function chooseTrack(name) {
  state.track = name;
  changed({ isStep: true });
  const link = document.querySelector(`#tracks a[aria-current="page"]`);
  if (link) link.focus();
}

function clearFilters() {
  const start = fresh();
  for (const name of ["text", "origins", "families", "flags"]) state[name] = start[name];
  changed();
  document.getElementById("search").focus();
}

function showWhole(name) {
  tracks.get(name).isWhole = true;
  renderTables();
  document.getElementById("tables").focus();
}

/** Whether a click asks for the browser's own doing (a new tab, say). */
const isPlain = (event) => !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);

function clicked(event) {
  const within = (selector) => event.target.closest(selector);
  if (within("a[href]") && !isPlain(event)) return;
  const act = [
    [".skip", () => document.getElementById("tables").focus()],
    ["[data-track]", (hit) => chooseTrack(hit.dataset.track)],
    ["[data-whole]", (hit) => showWhole(hit.dataset.whole)],
    ["[data-sort]", (hit) => sortBy(hit.dataset.sort)],
    ["[data-filter]", (hit) => { toggle(hit.dataset.filter, hit.dataset.name); changed(); }],
    ["#clear", clearFilters],
    [".close", () => dialog.close()],
    ["a.file", null],
    ["[data-row]", (hit) => openRow(hit.getAttribute("data-row"))],
  ].find(([selector]) => within(selector));
  if (!act || !act[1]) {
    if (event.target === dialog) dialog.close();
    return;
  }
  // Who marks a name to copy it does not mean to open the row.
  if (within("tr[data-row]") && !within("button") && String(getSelection())) return;
  event.preventDefault();
  act[1](within(act[0]));
}

function selected(event) {
  if (event.target.id === "sort") {
    state.descending = event.target.value.startsWith("-");
    state.sort = event.target.value.replace(/^-/, "");
    reordered();
    document.getElementById("sort").focus();
  } else if (event.target.id === "cost-choice") {
    state.cost = event.target.value;
    writeAddress();
    renderPlot();
    document.getElementById("cost-choice").focus();
  }
}

/** Up and down go from row to row where a row has the focus. */
function pressed(event) {
  movePoint(event);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.classList.contains("open")) return;
  const buttons = [...document.querySelectorAll("button.open")];
  const next = buttons[buttons.indexOf(event.target) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

function addressChanged() {
  readAddress();
  renderAll();
  syncDialog();
}

function listen() {
  let waiting = 0;
  document.addEventListener("click", clicked);
  document.addEventListener("change", selected);
  document.addEventListener("keydown", pressed);
  document.getElementById("search").addEventListener("input", (event) => {
    state.text = event.target.value;
    clearTimeout(waiting);
    waiting = setTimeout(changed, 120);
  });
  dialog.addEventListener("close", closedRow);
  addEventListener("hashchange", addressChanged);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    spanGroups();
    measurePlot();
    renderPlot();
    width = innerWidth;
  });
}

readAddress();
measurePlot();
renderSummary();
makeFilters();
renderDisagreements();
renderAll();
listen();
syncDialog();
