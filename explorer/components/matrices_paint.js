// Layout and painting of the matrices: a record in, pixels out. No events here.
// All matrices have rows of one height, so that shapes can be compared; where there is room, those
// with few columns get wider cells with the number inside. Geometry in CSS pixels, per view.

const MARK = 10; // room for the triangle at the chosen row
const GAP = 18;
const WORDS = 50; // height of a title and a caption
const WIDEST = 44;
const TALLEST = 26; // beyond it cells get wider only, for the number inside
const NUMBER_FROM = 34; // cell width from which the number stands in the cell
const SHORTEST = 15; // and cell height
const LEVELS = 1023;

// From the most negative over zero to the most positive: lightness tells how large, hue the sign.
const SIGNED = {
  light: ["#7f2704", "#c4501b", "#eb9f77", "#f8dccb", "#f6f6f5", "#cfe0f1", "#7fb0dc", "#2b6cb0", "#0b2f66"],
  dark: ["#ffd9bf", "#f08f57", "#b4531f", "#5a321f", "#1b1f27", "#1d3b5e", "#2f74b5", "#74b3ec", "#d3e8ff"],
};
for (const name of Object.keys(SIGNED)) SIGNED[name] = SIGNED[name].map(parseColour);

function makeColours(r) {
  const ramps = { probability: r.theme.ramp, signed: SIGNED[r.theme.dark ? "dark" : "light"] };
  r.colours = {};
  for (const [palette, ramp] of Object.entries(ramps)) {
    const root = palette === "probability" && r.rootContrast;
    r.colours[palette] = Array.from({ length: LEVELS + 1 }, (_, level) =>
      rampColour(ramp, root ? Math.sqrt(level / LEVELS) : level / LEVELS),
    );
  }
}

// Which of the LEVELS colours a value has.
function levelOf(matrix, value) {
  const part = value / matrix.max;
  const fraction = matrix.palette === "signed" ? (part + 1) / 2 : part;
  return Math.round(Math.min(Math.max(fraction, 0), 1) * LEVELS);
}

const colourOf = (r, matrix, value) => r.colours[matrix.palette][levelOf(matrix, value)];
const clipLabel = (text) => (text.length > 8 ? `${text.slice(0, 7)}…` : text);

// ---- layout -------------------------------------------------------------------------------------

// Labels along an axis: `needs` px along it and `depth` across. Where they are too dense they stand
// in two lanes, and if that is not enough only every n-th is drawn (and always the hovered one).
function planLabels(needs, depth, cell) {
  const lanes = needs > cell && depth <= 18 ? 2 : 1;
  const every = Math.max(1, Math.ceil(needs / (cell * lanes)));
  return { lanes, every, depth, room: lanes * (depth + 3) + 3 };
}

// cells: { w, wide, upTo }: cells of w, but of `wide` in matrices of up to `upTo` columns.
function measure(r, matrix, cells) {
  const w = matrix.width <= cells.upTo ? cells.wide : cells.w;
  const h = Math.min(cells.w, TALLEST);
  const size = h >= 24 ? 14 : h >= 14 ? 12 : 11;
  const longest = (axis) => (r.widest[axis] * size) / 12;
  const across = longest(matrix.columns);
  const turned = across > 2 * w && across > 22; // long labels stand upright
  const rows = planLabels(size, longest(matrix.rows), h);
  const columns = turned ? planLabels(size, across, w) : planLabels(across + 4, size, w);
  const left = MARK + rows.room;
  const top = columns.room;
  const width = left + matrix.width * w + 3;
  return { w, h, size, turned, rows, columns, left, top, width, height: top + matrix.height * h + 3 };
}

function flow(r, cells) {
  const total = { height: 0, fits: true };
  let x = 0;
  let line = 0;
  let count = 0;
  r.header.matrices.forEach((matrix, m) => {
    const place = measure(r, matrix, cells);
    const width = Math.max(place.width, r.words[m].title) + r.words[m].before;
    if (r.header.line ? count === r.header.line : x > 0 && x + width > r.width - 6) {
      total.height += line + 10;
      x = line = count = 0;
    }
    x += width;
    if (x > r.width - 6) total.fits = false;
    x += GAP;
    count += 1;
    line = Math.max(line, place.height + WORDS);
  });
  total.height += line;
  return total;
}

function layOut(r) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `12px ${r.theme.mono}`;
  r.widest = r.axes.map((labels) =>
    Math.ceil(Math.max(...labels.map((label) => pen.measureText(clipLabel(label)).width))),
  );
  r.words = r.header.matrices.map(({ title, before }) => {
    pen.font = `bold 16px ${r.theme.sans}`;
    const wide = Math.min(pen.measureText(title).width + 20, 260);
    pen.font = `20px ${r.theme.sans}`;
    return { title: wide, before: before ? pen.measureText(before).width + 12 : 0 };
  });
  const cells = chooseCells(r);
  r.header.matrices.forEach((matrix, m) => {
    const view = r.views[m];
    view.place = measure(r, matrix, cells);
    view.body.style.width = `${Math.ceil(Math.max(view.place.width, r.words[m].title))}px`;
    const { left, top, w, h } = view.place;
    Object.assign(view.find(".grid").dataset, { left, top, w, h }); // for tests
  });
}

function chooseCells(r) {
  const same = (w) => ({ w, wide: w, upTo: 0 });
  const good = (cells, limit) => {
    const { fits, height } = flow(r, cells);
    return fits && height <= limit;
  };
  let w = WIDEST;
  while (w > 1 && !good(same(w), r.header.height)) w -= 1;
  // A height that cannot be kept is given up before cells become too small to point at.
  while (w < 8 && good(same(w + 1), Infinity)) w += 1;
  if (w >= NUMBER_FROM) return same(w);
  const limit = Math.max(r.header.height, flow(r, same(w)).height);
  const counts = r.header.matrices.map(({ width }) => width).sort((a, b) => b - a);
  for (let low = w; low >= SHORTEST; low -= 1) {
    for (const upTo of counts) {
      for (let wide = WIDEST; wide >= NUMBER_FROM; wide -= 1) {
        if (good({ w: low, wide, upTo }, limit)) return { w: low, wide, upTo };
      }
    }
  }
  return same(w);
}

// ---- one matrix ---------------------------------------------------------------------------------

function paintMatrix(r, m) {
  const matrix = r.header.matrices[m];
  const { place, base, over } = r.views[m];
  const { left, top, w, h } = place;
  const [wide, tall] = [matrix.width * w, matrix.height * h];
  const pen = sizeCanvas(base, place.width, place.height);
  sizeCanvas(over, place.width, place.height);
  if (matrix.masked) {
    pen.fillStyle = hatch(pen, r.theme);
    pen.fillRect(left, top, wide, tall);
  }
  const packed = (r.packed[matrix.palette] ??= Uint32Array.from(r.colours[matrix.palette], rgba32));
  const image = new Uint32Array(matrix.values.length); // 0: transparent, masked
  matrix.values.forEach((value, at) => {
    if (Number.isFinite(value)) image[at] = packed[levelOf(matrix, value)];
  });
  pen.imageSmoothingEnabled = false;
  pen.drawImage(pixelCanvas(matrix.width, matrix.height, image), left, top, wide, tall);
  pen.fillStyle = css(r.theme.background);
  const lines = Math.min(w, h) >= 12;
  for (let j = 1; lines && j < matrix.width; j += 1) pen.fillRect(left + j * w - 0.5, top, 1, tall);
  for (let i = 1; lines && i < matrix.height; i += 1) pen.fillRect(left, top + i * h - 0.5, wide, 1);
  pen.strokeStyle = matrix.colour ?? css(r.theme.line);
  pen.lineWidth = matrix.colour ? 2 : 1;
  pen.strokeRect(left - 1, top - 1, wide + 2, tall + 2);
  if (w >= NUMBER_FROM && h >= SHORTEST) paintNumbers(r, matrix, place, pen);
  for (let i = 0; i < matrix.height; i += place.rows.every) paintLabel(r, m, pen, "rows", i);
  for (let j = 0; j < matrix.width; j += place.columns.every) paintLabel(r, m, pen, "columns", j);
}

function paintNumbers(r, matrix, { left, top, w, h }, pen) {
  pen.font = `${h < 19 ? 12 : 13}px ${r.theme.sans}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  matrix.values.forEach((value, at) => {
    if (Number.isNaN(value)) return;
    const known = Number.isFinite(value);
    const text = known ? [2, 1, 0].map((n) => fixed(value, n)).find((t) => t.length <= 6) : "−∞";
    pen.fillStyle = known ? readableOn(colourOf(r, matrix, value)) : css(r.theme.text);
    const x = left + ((at % matrix.width) + 0.5) * w;
    pen.fillText(text ?? "…", x, top + (Math.floor(at / matrix.width) + 0.5) * h + 1, w - 3);
  });
}

function paintLabel(r, m, pen, side, at, behind = null) {
  const matrix = r.header.matrices[m];
  const { left, top, w, h, size, turned, [side]: plan } = r.views[m].place;
  const text = clipLabel(r.axes[matrix[side]][at]);
  const away = 5 + (Math.floor(at / plan.every) % plan.lanes) * (plan.depth + 3);
  const turn = side === "columns" && turned;
  pen.save();
  pen.font = `${size}px ${r.theme.mono}`;
  pen.textBaseline = "middle";
  pen.textAlign = side === "rows" ? "right" : turn ? "left" : "center";
  if (side === "rows") pen.translate(left - away, top + (at + 0.5) * h);
  else pen.translate(left + (at + 0.5) * w, top - away - (turn ? 0 : size / 2 - 1));
  if (turn) pen.rotate(-Math.PI / 2);
  if (behind) {
    const width = pen.measureText(text).width + 6;
    pen.fillStyle = behind;
    pen.fillRect({ right: 3 - width, center: -width / 2, left: -3 }[pen.textAlign], -size / 2 - 2, width, size + 3);
  }
  pen.fillStyle = css(behind ? r.theme.background : r.theme.text);
  pen.fillText(text, 0, 0.5);
  pen.restore();
}

// ---- what is hovered and chosen, on the upper canvas --------------------------------------------

function paintMarks(r, m) {
  const matrix = r.header.matrices[m];
  const { place, over } = r.views[m];
  const { left, top, w, h } = place;
  const [wide, tall] = [matrix.width * w, matrix.height * h];
  const pen = over.getContext("2d");
  pen.clearRect(0, 0, place.width, place.height);
  const ink = css(r.theme.text);
  const frame = (colour, line, x, y, width, height) => {
    pen.strokeStyle = colour;
    pen.lineWidth = line;
    pen.strokeRect(x, y, width, height);
  };
  const band = (line, { row, column }) => {
    if (row !== undefined) frame(ink, line, left - 1, top + row * h - 0.5, wide + 2, h + 1);
    else frame(ink, line, left + column * w - 0.5, top - 1, w + 1, tall + 2);
    paintLabel(r, m, pen, row !== undefined ? "rows" : "columns", row ?? column, ink);
  };
  if (r.selected !== null && canChoose(r, m)) {
    const middle = top + (r.selected + 0.5) * h;
    frame(css(r.theme.primary), 2, left - 1, middle - h / 2 - 1, wide + 2, h + 2);
    paintLabel(r, m, pen, "rows", r.selected, css(r.theme.primary));
    pen.fillStyle = css(r.theme.primary);
    pen.beginPath();
    pen.moveTo(1, middle - 6);
    pen.lineTo(MARK - 1, middle);
    pen.lineTo(1, middle + 6);
    pen.fill();
  }
  const { cells, rows, columns } = marksOn(r, m);
  rows.forEach((row) => band(2, { row }));
  columns.forEach((column) => band(2, { column }));
  for (const [i, j] of cells) {
    band(1, { row: i });
    band(1, { column: j });
    const [gw, gh] = [Math.max(w, 5), Math.max(h, 5)]; // a cell of a pixel still gets a frame
    frame(css(r.theme.background), 4, left + (j + 0.5) * w - gw / 2, top + (i + 0.5) * h - gh / 2, gw, gh);
    frame(css(r.theme.primary), 2.5, left + (j + 0.5) * w - gw / 2, top + (i + 0.5) * h - gh / 2, gw, gh);
  }
}
