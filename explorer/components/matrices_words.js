// What belongs to the hovered cell, and what that says in words: a record in, text out.

const TERMS = 6; // of a sum, spelled out

// ---- what belongs together ----------------------------------------------------------------------

const canChoose = (r, m) => r.header.matrices[m].rows === r.header.matrices[r.header.choose].rows;
const valueAt = (matrix, i, j) => matrix.values[i * matrix.width + j];

// The matrix itself and those of its group.
function mates(r, m) {
  const { group } = r.header.matrices[m];
  const all = [...r.header.matrices.keys()];
  return group === null ? [m] : all.filter((n) => r.header.matrices[n].group === group);
}

// The matrix whose sum explains a cell of m: its own, or the last one before it in its group (the
// scaled score behind a weight).
function sumBehind(r, m) {
  const sums = mates(r, m).filter((n) => r.header.matrices[n].dot);
  return sums.findLast((n) => n <= m) ?? sums[0] ?? null;
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
  return Number.isNaN(value) ? say("masked") : say("−∞ (masked)");
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
  if (terms.length > TERMS) spelled.push(say("… {n} more", { n: terms.length - TERMS }));
  const total = terms.reduce((sum, [x, y]) => sum + x * y, 0);
  const shown = valueAt(matrix, i, j);
  const result = fixed(Number.isFinite(shown) ? shown : total * scale, matrix.decimals);
  const factors = `${a.name}[${i}]·${b.name}[${transpose ? j : `:, ${j}`}]`;
  const start = `${matrix.name} = ${factors} = ${spelled.join(" + ") || say("0 (all masked)")}`;
  if (scale === 1) return `${start} = ${result}`;
  return `${start} = ${fixed(total, matrix.decimals)}; × ${minus(String(+scale.toPrecision(4)))} = ${result}`;
}

function sayCell(r) {
  const { matrices } = r.header;
  if (!r.hover) {
    r.find(".cell").textContent = say("Point at a cell to see its numbers.");
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
  const { title, height, width } = matrix;
  if (high < 0) return say("{title}: {height} rows, {width} columns, all masked", { title, height, width });
  const ends = {
    low: number(matrix, matrix.values[low]),
    high: number(matrix, matrix.values[high]),
    place: sentence(r, m, Math.floor(high / width), high % width),
  };
  const said = say("{title}: {height} rows, {width} columns, from {low} to {high}, the largest: {place}", {
    title, height, width, ...ends,
  });
  return masked ? `${said}; ${say("{n} cells masked", { n: masked })}` : said;
}

// One scale per palette and end; named as soon as there are several.
function showScales(r) {
  const scales = new Map();
  for (const { palette, max, name } of r.header.matrices) {
    const id = `${palette} ${max}`;
    if (!scales.has(id)) scales.set(id, { palette, max, names: [] });
    scales.get(id).names.push(name);
  }
  const legends = [...scales.values()].map(({ palette, max, names }) => {
    const legend = Object.assign(document.createElement("span"), { className: "legend" });
    const bar = Object.assign(document.createElement("canvas"), { className: "scale" });
    const pen = sizeCanvas(bar, 90, 14);
    for (let x = 0; x < 90; x += 1) {
      pen.fillStyle = css(r.colours[palette][Math.round((x / 89) * LEVELS)]);
      pen.fillRect(x, 0, 1.5, 14);
    }
    if (scales.size > 1) legend.append(Object.assign(document.createElement("b"), { textContent: `${names.join(", ")}:` }));
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
