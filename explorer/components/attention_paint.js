// Everything that paints attention: a record in, pixels out. No events here.
// Geometry is kept on the record: `atlas`, `zoom`, all in CSS pixels.

const GAP = 5;
const LAYER_LABEL = 52;
const HEAD_LABEL = 18;
const AXIS_TITLE = 20;

const headIndex = (r) => r.selected.layer * r.header.heads + r.selected.head;
const rowStart = (r, i) => (r.header.causal ? (i * (i + 1)) / 2 : i * r.header.time);
const masked = (r, i, j) => r.header.causal && j > i;

function weightAt(r, i, j, head = headIndex(r)) {
  return masked(r, i, j) ? 0 : r.levels[head * r.perHead + rowStart(r, i) + j] / 65535;
}

function colourTable(r) {
  // One colour for each of the 65,536 levels a weight can have; made once for a ramp.
  const key = `${r.theme.dark} ${r.rootContrast}`;
  if (r.table?.key === key) return r.table;
  const table = new Uint32Array(65536);
  for (let level = 0; level < 65536; level += 1) {
    table[level] = rgba32(rampColour(r.theme.ramp, shade(r, level / 65535)));
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
  const thumb = Math.floor(
    Math.min((space - LAYER_LABEL) / heads - GAP, (stacked ? 1e9 : side / layers) - GAP, 125),
  );
  r.atlas = { thumb: Math.max(thumb, 12), alone };
  r.root.classList.toggle("stacked", stacked);
  r.root.querySelector(".atlas").hidden = alone;
}

const clip = (token) => (token.length > 8 ? `${token.slice(0, 7)}…` : token);

// ---- all heads --------------------------------------------------------------------------------

function thumbnail(r, head) {
  // A pixel of the miniature shows the largest weight it covers, so that thin lines survive.
  const { time } = r.header;
  const pixels = r.atlas.thumb * (window.devicePixelRatio || 1);
  const step = Math.ceil(time / pixels);
  const size = Math.ceil(time / step);
  const largest = new Uint16Array(size * size);
  const image = new Uint32Array(size * size); // 0: transparent, masked
  let at = head * r.perHead;
  for (let i = 0; i < time; i += 1) {
    const base = Math.floor(i / step) * size;
    const end = r.header.causal ? i + 1 : time;
    for (let j = 0; j < end; j += 1, at += 1) {
      const cell = base + Math.floor(j / step);
      if (r.levels[at] > largest[cell]) largest[cell] = r.levels[at];
      image[cell] = r.table[largest[cell]];
    }
  }
  return pixelCanvas(size, size, image);
}

function paintAtlas(r) {
  if (r.atlas.alone) return;
  const { layers, heads } = r.header;
  const { thumb } = r.atlas;
  const width = LAYER_LABEL + heads * (thumb + GAP);
  const height = HEAD_LABEL + layers * (thumb + GAP);
  const pen = sizeCanvas(r.atlasBase, width, height);
  sizeCanvas(r.atlasOver, width, height);
  pen.imageSmoothingEnabled = false;
  pen.fillStyle = css(r.theme.text);
  pen.font = `12px ${r.theme.sans}`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  if (thumb < 44) pen.fillText("head", 0, HEAD_LABEL / 2);
  for (let layer = 0; layer < layers; layer += 1) {
    const y = HEAD_LABEL + layer * (thumb + GAP);
    pen.textAlign = "left";
    pen.fillStyle = css(r.theme.text);
    pen.fillText(`layer ${layer + 1}`, 0, y + thumb / 2);
    pen.textAlign = "center";
    for (let head = 0; head < heads; head += 1) {
      const x = LAYER_LABEL + head * (thumb + GAP);
      pen.fillStyle = css(r.theme.text);
      if (layer === 0) pen.fillText(thumb < 44 ? head + 1 : `head ${head + 1}`, x + thumb / 2, 8);
      pen.fillStyle = css(r.theme.panel);
      pen.fillRect(x, y, thumb, thumb);
      pen.drawImage(thumbnail(r, layer * heads + head), x, y, thumb, thumb);
    }
  }
}

function paintChosenHead(r) {
  if (r.atlas.alone) return;
  const { thumb } = r.atlas;
  const pen = r.atlasOver.getContext("2d");
  pen.clearRect(0, 0, r.atlasOver.width, r.atlasOver.height);
  pen.strokeStyle = css(r.theme.primary);
  pen.lineWidth = 3;
  const x = LAYER_LABEL + r.selected.head * (thumb + GAP);
  const y = HEAD_LABEL + r.selected.layer * (thumb + GAP);
  pen.strokeRect(x - 1, y - 1, thumb + 2, thumb + 2);
}

// ---- one head ---------------------------------------------------------------------------------

function headImage(r) {
  const { time, causal } = r.header;
  const image = new Uint32Array(time * time);
  let at = headIndex(r) * r.perHead;
  for (let i = 0; i < time; i += 1) {
    const end = i * time + (causal ? i + 1 : time);
    for (let cell = i * time; cell < end; cell += 1, at += 1) image[cell] = r.table[r.levels[at]];
  }
  return pixelCanvas(time, time, image);
}

function paintZoom(r) {
  const { left, top, side } = r.zoom;
  const size = [left + side + 2, top + side + 8];
  const pen = sizeCanvas(r.zoomBase, ...size);
  sizeCanvas(r.zoomOver, ...size);
  if (r.header.causal) {
    pen.fillStyle = hatch(pen, r.theme);
    pen.fillRect(left, top, side, side);
  }
  pen.imageSmoothingEnabled = false;
  pen.drawImage(headImage(r), left, top, side, side);
  pen.strokeStyle = css(r.theme.line);
  pen.strokeRect(left - 0.5, top - 0.5, side + 1, side + 1);
  paintAxes(r, pen);
}

function paintAxes(r, pen) {
  const { left, top, labelled } = r.zoom;
  const { time } = r.header;
  pen.font = `bold 13px ${r.theme.sans}`;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  const { query, key } = r.header.colours;
  pen.fillStyle = key;
  pen.fillText("key: the position looked at →", left, 8);
  pen.save();
  pen.translate(8, top);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "right";
  pen.fillStyle = query;
  pen.fillText("← query: the position that looks", 0, 0);
  pen.restore();
  const every = labelled ? 1 : [5, 10, 20, 25, 50, 100, 200, 500].find((n) => n * r.zoom.cell > 34);
  for (let at = 0; at < time; at += every ?? time) {
    paintLabel(r, pen, at, "row", r.theme.text);
    paintLabel(r, pen, at, "column", r.theme.text);
  }
}

function paintLabel(r, pen, at, axis, colour, behind = null) {
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
  paintLabel(r, pen, i, "row", r.theme.background, r.theme.text);
  paintLabel(r, pen, j, "column", r.theme.background, r.theme.text);
}

function paintScale(r) {
  const pen = sizeCanvas(r.scaleCanvas, 130, 14);
  for (let x = 0; x < 130; x += 1) {
    pen.fillStyle = css(rampColour(r.theme.ramp, shade(r, x / 129)));
    pen.fillRect(x, 0, 1.5, 14);
  }
}
