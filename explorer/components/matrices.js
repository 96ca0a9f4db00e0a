// The matrices component: what is hovered and chosen, what it means for the other matrices, and
// what that says in words. Data: all values (float32); see `encode` in matrices.py.

const TERMS = 6; // of a sum, spelled out

function makeRecord(root) {
  const find = (selector) => root.querySelector(selector);
  return { root, find, views: [], hover: null, selected: null, rootContrast: true, width: 0 };
}

function takeData(r, data) {
  const { header, body } = unpack(data);
  const old = r.header;
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

// ---- what belongs together ----------------------------------------------------------------------

const canChoose = (r, m) => r.header.matrices[m].rows === r.header.matrices[r.header.choose].rows;
const valueAt = (matrix, i, j) => matrix.values[i * matrix.width + j];

// The matrix itself and those of its group.
function mates(r, m) {
  const { group } = r.header.matrices[m];
  const all = [...r.header.matrices.keys()];
  return group === null ? [m] : all.filter((n) => r.header.matrices[n].group === group);
}

// The matrix whose sum explains a cell of m: its own, or one of its group (score behind a weight).
function sumBehind(r, m) {
  const withDot = (n) => r.header.matrices[n].dot;
  return withDot(m) ? m : (mates(r, m).find(withDot) ?? null);
}

// What the hovered cell (i, j) marks in matrix n.
function marksOn(r, n) {
  const marks = { cells: [], rows: [], columns: [] };
  if (!r.hover) return marks;
  const { m, i, j } = r.hover;
  const list = r.header.matrices;
  const together = mates(r, m).includes(n);
  const sum = sumBehind(r, m);
  const into = together ? null : sumBehind(r, n);
  if (together) marks.cells.push([i, j]);
  if (sum !== null) {
    const { left, right, transpose } = list[sum].dot; // the factors of the hovered cell
    if (left === n) marks.rows.push(i);
    if (right === n) marks[transpose ? "rows" : "columns"].push(j);
  }
  if (into !== null) {
    const { left, right, transpose } = list[into].dot; // the cells the hovered number goes into
    if (left === m) marks.rows.push(i);
    if (right === m) marks.columns.push(transpose ? i : j);
  }
  const linked = list[m].link && list[n].link && list[m].height === list[n].height;
  const none = !marks.cells.length && !marks.rows.length && !marks.columns.length;
  if (linked && none) marks.rows.push(i);
  return marks;
}

// ---- words --------------------------------------------------------------------------------------

function sentence(r, m, i, j) {
  const matrix = r.header.matrices[m];
  const parts = { row: r.axes[matrix.rows][i], column: r.axes[matrix.columns][j], i, j };
  return matrix.sentence.replace(/\{(row|column|i|j)\}/g, (_, name) => parts[name]);
}

function number(matrix, value) {
  if (Number.isFinite(value)) return fixed(value, matrix.decimals);
  return Number.isNaN(value) ? "masked" : "−∞ (masked)";
}

// "scores = Q[3]·K[1] = 0.31×1.20 + (−0.05)×0.44 + … 2 more = 1.9312"
function sumInWords(r, m, i, j) {
  const { matrices } = r.header;
  const matrix = matrices[m];
  const { left, right, transpose, scale } = matrix.dot;
  const [a, b] = [matrices[left], matrices[right]];
  const terms = [];
  for (let k = 0; k < a.width; k += 1) {
    const pair = [valueAt(a, i, k), transpose ? valueAt(b, j, k) : valueAt(b, k, j)];
    if (pair.every(Number.isFinite)) terms.push(pair); // what is masked adds nothing
  }
  const two = (x) => (x < -0.005 ? `(${fixed(x, 2)})` : fixed(x, 2));
  const spelled = terms.slice(0, TERMS).map(([x, y]) => `${two(x)}×${two(y)}`);
  if (terms.length > TERMS) spelled.push(`… ${terms.length - TERMS} more`);
  const total = terms.reduce((sum, [x, y]) => sum + x * y, 0);
  const shown = valueAt(matrix, i, j);
  const result = fixed(Number.isFinite(shown) ? shown : total * scale, matrix.decimals);
  const factors = `${a.name}[${i}]·${b.name}[${transpose ? j : `:, ${j}`}]`;
  const start = `${matrix.name} = ${factors} = ${spelled.join(" + ") || "0 (all masked)"}`;
  if (scale === 1) return `${start} = ${result}`;
  return `${start} = ${fixed(total, matrix.decimals)}; × ${minus(String(+scale.toPrecision(4)))} = ${result}`;
}

function sayCell(r) {
  const { matrices } = r.header;
  if (!r.hover) {
    r.find(".cell").textContent = "Point at a cell to see its numbers.";
    r.find(".sum").textContent = "";
    delete r.root.dataset.cell;
    delete r.root.dataset.value;
    return;
  }
  const { m, i, j } = r.hover;
  const values = mates(r, m).map((n) => {
    const { name } = matrices[n];
    return `${name} ${number(matrices[n], valueAt(matrices[n], i, j))}`;
  });
  const sum = sumBehind(r, m);
  r.find(".cell").textContent = `${sentence(r, m, i, j)}: ${values.join(", ")}`;
  r.find(".sum").textContent = sum === null ? "" : sumInWords(r, sum, i, j);
  const value = valueAt(matrices[m], i, j);
  r.root.dataset.cell = `${matrices[m].name}:${i},${j}`;
  r.root.dataset.value = Number.isFinite(value) ? String(value) : "masked";
}

function describe(r, m) {
  const matrix = r.header.matrices[m];
  let [low, high, masked] = [-1, -1, 0]; // where the smallest and the largest are
  matrix.values.forEach((value, at) => {
    if (!Number.isFinite(value)) masked += 1;
    else {
      if (low < 0 || value < matrix.values[low]) low = at;
      if (high < 0 || value > matrix.values[high]) high = at;
    }
  });
  const shape = `${matrix.title}: ${matrix.height} rows, ${matrix.width} columns`;
  if (high < 0) return `${shape}, all masked`;
  const place = sentence(r, m, Math.floor(high / matrix.width), high % matrix.width);
  const ends = `from ${number(matrix, matrix.values[low])} to ${number(matrix, matrix.values[high])}`;
  return `${shape}, ${ends}, the largest: ${place}${masked ? `; ${masked} cells masked` : ""}`;
}

// One scale per palette and end; named as soon as there are several.
function showScales(r) {
  const scales = new Map();
  for (const { palette, max, title } of r.header.matrices) {
    const id = `${palette} ${max}`;
    if (!scales.has(id)) scales.set(id, { palette, max, titles: [] });
    scales.get(id).titles.push(title);
  }
  const legends = [...scales.values()].map(({ palette, max, titles }) => {
    const legend = Object.assign(document.createElement("span"), { className: "legend" });
    const bar = Object.assign(document.createElement("canvas"), { className: "scale" });
    const pen = sizeCanvas(bar, 90, 14);
    for (let x = 0; x < 90; x += 1) {
      pen.fillStyle = css(r.colours[palette][Math.round((x / 89) * LEVELS)]);
      pen.fillRect(x, 0, 1.5, 14);
    }
    if (scales.size > 1) legend.append(`${titles.join(", ")}:`);
    legend.append(palette === "signed" ? short(-max) : "0", bar, short(max));
    return legend;
  });
  r.find(".scales").replaceChildren(...legends);
  const { matrices } = r.header;
  r.find(".masked-key").hidden = !matrices.some(({ masked }) => masked);
  r.find(".contrast").hidden = !matrices.some(({ palette }) => palette === "probability");
  r.find(".root").setAttribute("aria-pressed", r.rootContrast);
  r.find(".linear").setAttribute("aria-pressed", !r.rootContrast);
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
  r.find(".hint").textContent =
    r.selected === null
      ? "Click a row, or press Enter on it, to choose it; arrow keys move the cell."
      : `Row ‘${r.axes[r.header.matrices[r.header.choose].rows][r.selected]}’ is chosen: click it again to let go.`;
}

function paintAll(r) {
  if (!r.width) return; // in a tab that is not open: the observer calls again
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
  grid.onclick = () => choose(r, m, r.hover.i);
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
      Enter: () => choose(r, m, i),
      " ": () => choose(r, m, i),
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
  return watchWidth(r, () => paintAll(r));
}
