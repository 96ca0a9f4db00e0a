// The matrices component: its data, what is hovered and chosen, and the events that change it.
// Data: all values (float32); see `encode` in matrices.py.

function makeRecord(root) {
  const find = (selector) => root.querySelector(selector);
  return { root, find, views: [], hover: null, selected: null, rootContrast: true, width: 0 };
}

function takeData(r, data) {
  const { header, body } = unpack(data);
  const old = r.header;
  speak(r.root, header.words);
  const asked = !old || header.epoch !== old.epoch;
  const hovered = r.hover && old.matrices[r.hover.m].name;
  r.data = data;
  r.header = header;
  r.axes = header.axes.map((axis) => axis.map((token) => header.tokens[token]));
  let from = body.byteOffset;
  for (const matrix of header.matrices) {
    matrix.height = r.axes[matrix.rows].length;
    matrix.width = r.axes[matrix.columns].length;
    matrix.values = new Float32Array(body.buffer, from, matrix.height * matrix.width);
    matrix.masked = matrix.values.some((value) => !Number.isFinite(value));
    from += matrix.values.byteLength;
  }
  if (asked) r.selected = header.start?.row ?? null;
  if (r.selected >= header.matrices[header.choose].height) r.selected = null;
  const m = header.matrices.findIndex(({ name }) => name === hovered);
  const stays = m >= 0 && r.hover.i < header.matrices[m].height && r.hover.j < header.matrices[m].width;
  r.hover = stays ? { ...r.hover, m } : null;
  buildViews(r);
}

// One set of canvases per matrix; they stay while only numbers change, and with them the focus.
function buildViews(r) {
  const { matrices, line } = r.header;
  const all = r.find(".all");
  while (r.views.length > matrices.length) r.views.pop().element.remove();
  while (r.views.length < matrices.length) {
    const element = r.find("template.one").content.firstElementChild.cloneNode(true);
    const find = (selector) => element.querySelector(selector);
    r.views.push({ element, find, body: find(".body"), base: find(".base"), over: find(".over") });
    all.append(element);
  }
  all.classList.toggle("lines", Boolean(line));
  all.style.gridTemplateColumns = line ? `repeat(${line}, max-content)` : "";
  r.views.forEach(({ element, find }, m) => {
    const { title, caption, before, colour } = matrices[m];
    find(".title").textContent = title;
    find(".caption").textContent = caption;
    find(".before").textContent = before;
    element.style.setProperty("--accent", colour ?? "");
    if (!colour) element.style.removeProperty("--accent");
    element.dataset.name = matrices[m].name;
  });
  r.find(".sum").hidden = !matrices.some(({ dot }) => dot);
}

// ---- changes ------------------------------------------------------------------------------------

function moveTo(r, m, i, j) {
  const { height, width } = r.header.matrices[m];
  const cell = { m, i: Math.min(Math.max(i, 0), height - 1), j: Math.min(Math.max(j, 0), width - 1) };
  if (r.hover && cell.m === r.hover.m && cell.i === r.hover.i && cell.j === r.hover.j) return;
  const before = r.header.bars.length ? barsRow(r) : null;
  r.hover = cell;
  r.views.forEach((_, n) => paintMarks(r, n));
  if (r.header.bars.length) barsRow(r) === before ? markBar(r) : paintBars(r);
  sayCell(r);
}

function choose(r, m, row) {
  if (!canChoose(r, m)) return;
  r.selected = r.selected === row ? null : row;
  showChoice(r);
  r.views.forEach((_, n) => paintMarks(r, n));
  paintBars(r);
  r.report({ row: r.selected, epoch: r.header.epoch });
}

function showChoice(r) {
  r.root.dataset.selected = r.selected ?? "";
  const row = r.axes[r.header.matrices[r.header.choose].rows][r.selected];
  r.find(".hint").textContent =
    r.selected === null
      ? say("Click a row, or press Enter on it, to choose it; arrow keys move the cell.")
      : say("Row ‘{row}’ is chosen: click it again to let go.", { row });
}

function paintAll(r) {
  if (!r.width || mayWait(r)) return; // not in sight: an observer calls again
  const since = r.since ?? performance.now();
  r.since = null;
  r.packed = {};
  makeColours(r);
  layOut(r);
  showScales(r);
  r.views.forEach(({ find }, m) => {
    paintMatrix(r, m);
    paintMarks(r, m);
    find(".grid").setAttribute("aria-label", describe(r, m));
  });
  paintBars(r);
  sayCell(r);
  showChoice(r);
  reportPainted(r, since);
}

// ---- events -------------------------------------------------------------------------------------

function listen(r) {
  r.views.forEach(({ find }, m) => listenTo(r, m, find(".grid")));
  const bars = r.find(".bars");
  bars.onpointermove = bars.onpointerdown = (event) => {
    if (!r.bars) return;
    const at = Math.floor((event.offsetX - BARS.left) / r.bars.slot);
    if (at >= 0 && at < r.bars.order.length) moveTo(r, r.header.bars[0], r.bars.row, r.bars.order[at]);
  };
  const contrast = (root) => () => {
    r.rootContrast = root;
    paintAll(r);
  };
  r.find(".root").onclick = contrast(true);
  r.find(".linear").onclick = contrast(false);
}

function listenTo(r, m, grid) {
  const point = (event) => {
    const { left, top, w, h } = r.views[m].place;
    moveTo(r, m, Math.floor((event.offsetY - top) / h), Math.floor((event.offsetX - left) / w));
  };
  grid.onpointermove = grid.onpointerdown = point;
  grid.onclick = (event) => event.offsetY >= r.views[m].place.top && choose(r, m, r.hover.i);
  grid.onkeydown = (event) => {
    const here = r.hover?.m === m || (r.hover && mates(r, m).includes(r.hover.m));
    const { i, j } = here ? r.hover : { i: 0, j: 0 };
    const step = event.shiftKey ? 10 : 1;
    const move = (down, right) => () => (here ? moveTo(r, m, i + down, j + right) : moveTo(r, m, 0, 0));
    const action = {
      ArrowUp: move(-step, 0),
      ArrowDown: move(step, 0),
      ArrowLeft: move(0, -step),
      ArrowRight: move(0, step),
      Enter: () => here && choose(r, m, i),
      " ": () => here && choose(r, m, i),
    }[event.key];
    if (!action) return;
    event.preventDefault(); // arrows would scroll the page
    action();
  };
}

export default function drawMatrices({ data, parentElement, setStateValue }) {
  const r = recordOf(parentElement, makeRecord);
  r.since = performance.now();
  r.report = (value) => setStateValue("selected", value);
  r.theme = readTheme(r.root);
  if (r.data !== data) takeData(r, data);
  listen(r);
  paintAll(r);
  afterFonts(r.theme, () => paintAll(r));
  return watch(r, () => paintAll(r));
}
