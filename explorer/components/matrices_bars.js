// One row of the matrices of a group as bars side by side, sorted by the first matrix.

const BARS = { left: 50, top: 12, height: 150, below: 26, most: 30 };

// The chosen row, or else the one the pointer is on.
function barsRow(r) {
  if (r.selected !== null) return r.selected;
  return r.hover && r.header.bars.includes(r.hover.m) ? r.hover.i : null;
}

const barColour = (r, matrix, at) => matrix.colour ?? css(at ? r.theme.quiet : r.theme.ramp[5]);

function rowOf(matrix, i) {
  return matrix.values.subarray(i * matrix.width, (i + 1) * matrix.width);
}

function paintBars(r) {
  const shown = r.header.bars.map((m) => r.header.matrices[m]);
  r.find(".distribution").hidden = !shown.length;
  if (!shown.length) return;
  const row = barsRow(r);
  const base = r.find(".bars .base");
  const pen = sizeCanvas(base, r.width - 4, BARS.top + BARS.height + BARS.below);
  r.bars = null;
  sayBars(r, shown, row);
  if (row !== null) {
    const rows = shown.map((matrix) => rowOf(matrix, row).map((p) => (Number.isFinite(p) ? p : 0)));
    const falling = [...rows[0].keys()].sort((a, b) => rows[0][b] - rows[0][a] || a - b);
    const order = falling.slice(0, BARS.most);
    const slot = Math.min(64, (r.width - BARS.left - 6) / order.length);
    r.bars = { row, order, slot };
    paintScaleAndBars(r, pen, shown, rows);
  }
  markBar(r);
}

function paintScaleAndBars(r, pen, shown, rows) {
  const { order, slot } = r.bars;
  const highest = Math.max(...rows.flatMap((p) => order.map((at) => p[at])));
  const end = [0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8].find((step) => highest <= step) ?? Math.max(1, highest);
  const floor = BARS.top + BARS.height;
  pen.font = `12px ${r.theme.sans}`;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const part of [0, 0.5, 1]) {
    const y = floor - part * BARS.height;
    pen.fillStyle = css(r.theme.text);
    pen.fillText(short(part * end), BARS.left - 7, y);
    pen.fillStyle = css(r.theme.line);
    pen.fillRect(BARS.left, y - 0.5, order.length * slot, 1);
  }
  const thick = Math.min(18, (slot * 0.8) / shown.length);
  const labels = r.axes[shown[0].columns];
  pen.textAlign = "center";
  order.forEach((column, at) => {
    const middle = BARS.left + (at + 0.5) * slot;
    shown.forEach((matrix, k) => {
      const tall = Math.max((rows[k][column] / end) * BARS.height, 0.5);
      pen.fillStyle = barColour(r, matrix, k);
      pen.fillRect(middle + (k - shown.length / 2) * thick, floor - tall, thick - 1, tall);
    });
    pen.fillStyle = css(r.theme.text);
    const text = labels[column];
    const size = text.length * 8.5 > slot ? 11 : 14;
    const room = Math.max(1, Math.floor(slot / (size * 0.61)));
    pen.font = `${size}px ${r.theme.mono}`;
    pen.fillText(text.length > room ? `${text.slice(0, Math.max(room - 1, 1))}…` : text, middle, floor + 14);
  });
}

// The hovered column, on the upper canvas.
function markBar(r) {
  const pen = sizeCanvas(r.find(".bars .over"), r.width - 4, BARS.top + BARS.height + BARS.below);
  const at = r.bars && r.hover ? r.bars.order.indexOf(r.hover.j) : -1;
  if (at < 0 || r.hover.i !== r.bars.row || !r.header.bars.includes(r.hover.m)) return;
  pen.fillStyle = css(r.theme.text, 0.13);
  pen.fillRect(BARS.left + at * r.bars.slot, 0, r.bars.slot, BARS.top + BARS.height + BARS.below);
}

function whichBars({ width: all, title: name }) {
  return BARS.most < all
    ? say("the {n} largest of {all}, sorted by {name}", { n: BARS.most, all, name })
    : say("all {all}, sorted by {name}", { all, name });
}

function highestBar(matrix, row) {
  if (row === null) return "";
  const highest = Math.max(...rowOf(matrix, row).filter(Number.isFinite));
  const most = fixed(highest, matrix.decimals);
  return say("{title} at most {most}", { title: matrix.title, most });
}

function sayBars(r, shown, row) {
  const label = row === null ? "" : r.axes[shown[0].rows][row];
  r.find(".bars-title").textContent =
    row === null ? say("No row chosen") : say("Row ‘{row}’", { row: label });
  r.find(".bars-note").textContent =
    row === null ? say("point at a row, or click one to keep it") : whichBars(shown[0]);
  const heights = shown.map((m) => highestBar(m, row)).join(", ");
  r.find(".bars").setAttribute(
    "aria-label",
    row === null
      ? say("bars of one row: no row chosen")
      : say("bars of row ‘{row}’: {heights}", { row: label, heights }),
  );
  const key = shown.map((matrix, k) => {
    const legend = Object.assign(document.createElement("span"), { className: "legend" });
    const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
    swatch.style.background = barColour(r, matrix, k);
    const { title } = matrix;
    const side = k ? say("{title} (right bar)", { title }) : say("{title} (left bar)", { title });
    legend.append(swatch, shown.length === 2 ? side : title);
    return legend;
  });
  r.find(".bars-key").replaceChildren(...key);
}
