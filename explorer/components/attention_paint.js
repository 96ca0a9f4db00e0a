// What paints one head in detail: a record in, pixels out. No events here.
// Geometry is kept on the record: `zoom`, in CSS pixels.

const AXIS_TITLE = 20;

const rowStart = (r, i) => (r.header.causal ? (i * (i + 1)) / 2 : i * r.header.time);
const rowEnd = (r, i) => (r.header.causal ? i + 1 : r.header.time);
const masked = (r, i, j) => r.header.causal && j > i;
const onDemand = (r) => r.header.detail !== null; // the weights of one head are here, not of all
const arrived = (r) => !onDemand(r) || r.header.detail === headIndex(r);
const placeOf = (r) => (onDemand(r) ? 0 : headIndex(r)); // of the chosen head in `levels` and `sums`
const levelAt = (r, i, j) => r.levels[placeOf(r) * r.perHead + rowStart(r, i) + j];

function weightAt(r, i, j) {
  return masked(r, i, j) ? 0 : r.weights[levelAt(r, i, j)];
}

// The weight of each level: 16 bits are linear, 8 bits follow the square root (`encode`).
function weightTable(bits) {
  const last = 2 ** bits - 1;
  return Float32Array.from({ length: last + 1 }, (_, level) =>
    bits === 16 ? level / last : (level / last) ** 2,
  );
}

// How far the weight of a level can be from the one that was measured.
function precision(r, level) {
  return r.header.bits === 16 ? 0.5 / 65535 : (level + 0.25) / 255 ** 2;
}

function colourTable(r, name, bits) {
  // One colour for each level a weight can have; made once for a ramp.
  const key = `${r.theme.dark} ${r.rootContrast} ${bits}`;
  if (r[name]?.key === key) return r[name];
  const weights = weightTable(bits);
  const table = new Uint32Array(weights.length);
  for (let level = 0; level < table.length; level += 1) {
    table[level] = rgba32(rampColour(r.theme.ramp, shade(r, weights[level])));
  }
  return Object.assign(table, { key });
}

const shade = (r, weight) => (r.rootContrast ? Math.sqrt(weight) : weight);

function layOut(r) {
  const { layers, heads, time, height, tokens } = r.header;
  const alone = layers * heads === 1;
  const stacked = !alone && (r.width < 520 || heads >= 2 * layers);
  const room = alone || stacked ? r.width - 4 : Math.floor(r.width * 0.64);
  const pen = r.zoomBase.getContext("2d");
  pen.font = `12px ${r.theme.mono}`;
  const widest = Math.ceil(Math.max(...tokens.map((t) => pen.measureText(clip(t)).width)));
  const labelled = Math.min(height, room - AXIS_TITLE - widest - 8) / time >= 9;
  const turned = widest > 14; // longer column labels stand upright
  const left = AXIS_TITLE + (labelled ? Math.max(widest + 8, 22) : 34);
  const top = AXIS_TITLE + (labelled && turned ? widest + 8 : 20);
  let side = Math.max(64, Math.min(height, room - left));
  if (side / time >= 2) side = Math.floor(side / time) * time;
  r.zoom = { left, top, side, cell: side / time, labelled, turned };
  Object.assign(r.root.dataset, { left, top, cell: side / time }); // where cells are, for tests

  const space = stacked ? r.width - 4 : r.width - (left + side + 2) - 24;
  layOutAtlas(r, space, side, stacked);
  layOutLines(r, widest);
  r.root.classList.toggle("stacked", stacked);
  r.root.querySelector(".atlas").hidden = alone;
}

function clip(token) {
  const letters = [...token]; // never half a character
  return letters.length > 8 ? `${letters.slice(0, 7).join("")}…` : token;
}

// ---- one head ---------------------------------------------------------------------------------

function headImage(r) {
  const { time } = r.header;
  const image = new Uint32Array(time * time);
  let at = placeOf(r) * r.perHead;
  for (let i = 0; i < time; i += 1) {
    const end = i * time + rowEnd(r, i);
    for (let cell = i * time; cell < end; cell += 1, at += 1) image[cell] = r.table[r.levels[at]];
  }
  return pixelCanvas(time, time, image);
}

function zoomSize(r) {
  if (r.view === "lines") return [r.lines.width, r.lines.height];
  return [r.zoom.left + r.zoom.side + 2, r.zoom.top + r.zoom.side + 8];
}

function paintZoom(r) {
  const size = zoomSize(r);
  sizeCanvas(r.zoomOver, ...size);
  drawHead(r, sizeCanvas(r.zoomBase, ...size));
}

const drawHead = (r, pen) => (r.view === "lines" ? drawLines(r, pen) : drawMatrix(r, pen));

function drawMatrix(r, pen) {
  const { left, top, side } = r.zoom;
  if (r.header.causal) {
    pen.fillStyle = hatch(pen, r.theme);
    pen.fillRect(left, top, side, side);
  }
  pen.imageSmoothingEnabled = false;
  if (arrived(r)) pen.drawImage(headImage(r), left, top, side, side);
  else {
    const part = r.header.time / r.header.block; // the last block may reach over the end
    pen.drawImage(smallImage(r, headIndex(r), r.small.side), 0, 0, part, part, left, top, side, side);
  }
  pen.strokeStyle = css(r.theme.line);
  pen.lineWidth = 1;
  pen.strokeRect(left - 0.5, top - 0.5, side + 1, side + 1);
  drawAxes(r, pen);
}

function drawAxes(r, pen) {
  const { left, top, labelled } = r.zoom;
  const { time } = r.header;
  pen.font = `bold 13px ${r.theme.sans}`;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  const { query, key } = r.header.colours;
  pen.fillStyle = key;
  pen.fillText(say("key: the position looked at →"), left, 8);
  pen.save();
  pen.translate(8, top);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "right";
  pen.fillStyle = query;
  pen.fillText(say("← query: the position that looks"), 0, 0);
  pen.restore();
  const every = labelled ? 1 : ticks(r.zoom.cell, time);
  for (let at = 0; at < time; at += every) {
    drawLabel(r, pen, at, "row", r.theme.text);
    drawLabel(r, pen, at, "column", r.theme.text);
  }
}

// Every how many positions a number fits.
const ticks = (cell, time) => [5, 10, 20, 25, 50, 100, 200, 500].find((n) => n * cell > 34) ?? time;

function drawLabel(r, pen, at, axis, colour, behind = null) {
  const { left, top, cell, labelled, turned } = r.zoom;
  const text = labelled ? clip(r.header.tokens[at]) : String(at);
  const size = labelled ? Math.max(10, Math.min(15, Math.floor(cell))) : 11;
  const upright = axis === "row" || !(labelled && turned);
  pen.save();
  pen.font = `${size}px ${labelled ? r.theme.mono : r.theme.sans}`;
  pen.textBaseline = "middle";
  const middle = (at + 0.5) * cell;
  if (axis === "row") pen.translate(left - 5, top + middle);
  else pen.translate(left + middle, top - 10);
  if (!upright) {
    pen.translate(0, 5);
    pen.rotate(-Math.PI / 2);
  }
  pen.textAlign = axis === "row" ? "right" : upright ? "center" : "left";
  if (behind) {
    const width = pen.measureText(text).width + 6;
    const shift = { right: 3 - width, center: -width / 2, left: -3 }[pen.textAlign];
    const over = left + r.zoom.side - (left + middle + width / 2); // stay inside at the right edge
    if (axis === "column" && upright) pen.translate(Math.min(0, over), 0);
    pen.fillStyle = css(behind);
    pen.fillRect(shift, -size / 2 - 2, width, size + 4);
  }
  pen.fillStyle = css(colour);
  pen.fillText(text, 0, 0.5);
  pen.restore();
}

function paintCross(r) {
  // The only canvas repainted while the pointer moves (besides the strip).
  if (r.view === "lines") return paintRow(r);
  const { left, top, side, cell } = r.zoom;
  const pen = r.zoomOver.getContext("2d");
  pen.clearRect(0, 0, left + side + 4, top + side + 10);
  const band = (colour, width, x, y, w, h) => {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.strokeRect(x, y, w, h);
  };
  if (r.pinned !== null) {
    band(css(r.theme.primary), 2, left, top + r.pinned * cell, side, cell);
  }
  const { i, j } = r.cell;
  band(css(r.theme.text, 0.75), 1, left, top + i * cell - 0.5, side, cell + 1);
  band(css(r.theme.text, 0.75), 1, left + j * cell - 0.5, top, cell + 1, side);
  const grow = Math.max(cell, 5); // a cell of one pixel still gets a frame that can be seen
  band(css(r.theme.primary), 2, left + (j + 0.5) * cell - grow / 2 - 1,
    top + (i + 0.5) * cell - grow / 2 - 1, grow + 2, grow + 2);
  drawLabel(r, pen, i, "row", r.theme.background, r.theme.text);
  drawLabel(r, pen, j, "column", r.theme.background, r.theme.text);
}

function paintScale(r) {
  const pen = sizeCanvas(r.scaleCanvas, 130, 14);
  for (let x = 0; x < 130; x += 1) {
    pen.fillStyle = css(rampColour(r.theme.ramp, shade(r, x / 129)));
    pen.fillRect(x, 0, 1.5, 14);
  }
}
