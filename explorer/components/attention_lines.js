// The lines view of the chosen head: queries on the left, keys on the right, and from each query
// its strongest edges until they carry a part (`share`) of the row's weight.
// Geometry: `lines`, in CSS pixels. The edges: `edges`, made once for a head and a share.

const MOST_LINES = 6000; // more cannot be told apart; the strongest are drawn, and the page says so
const MOST_WIDE = 400; // strokes wider than a pixel: a browser takes twenty times as long for them
const TINTS = 24;

function layOutLines(r, widest) {
  const { time, height } = r.header;
  const tall = Math.max(r.zoom.cell, time * 12 <= 1.5 * height ? 12 : 0);
  const cell = Math.min(tall, 30);
  const labelled = cell >= 9;
  const label = labelled ? Math.max(widest + 10, 24) : widest + 44;
  const width = r.zoom.left + r.zoom.side + 2;
  r.lines = { top: 26, cell, labelled, width, height: 26 + time * cell + 8 };
  Object.assign(r.lines, { from: label, to: width - label });
  Object.assign(r.root.dataset, { lineTop: 26, lineCell: cell });
}

function edgesOf(r) {
  const key = `${headIndex(r)} ${r.share}`;
  if (r.edges?.key === key && r.edges.levels === r.levels) return r.edges;
  const { time } = r.header;
  const starts = new Uint32Array(time + 1);
  const parts = new Float32Array(time); // of the row's weight that its edges carry
  const to = [];
  for (let i = 0; i < time; i += 1) {
    parts[i] = strongestOfRow(r, i, to);
    starts[i + 1] = to.length;
  }
  r.edges = { key, levels: r.levels, starts, parts, to };
  return r.edges;
}

// Appends the keys of row i, strongest first (ties: the earlier), to `to` -> the part they carry.
function strongestOfRow(r, i, to) {
  const first = placeOf(r) * r.perHead + rowStart(r, i);
  const ranked = new Float64Array(rowEnd(r, i));
  let sum = 0;
  for (let j = 0; j < ranked.length; j += 1) {
    const level = r.levels[first + j];
    sum += r.weights[level];
    ranked[j] = level * 65536 + (65535 - j); // numbers sort much faster than pairs
  }
  ranked.sort();
  let carried = 0;
  for (let at = ranked.length - 1; at >= 0 && carried < r.share * sum - 1e-6; at -= 1) {
    const weight = r.weights[Math.floor(ranked[at] / 65536)];
    if (weight === 0) break;
    carried += weight;
    to.push(65535 - (ranked[at] % 65536));
  }
  return sum > 0 ? carried / sum : 0;
}

const keysOfRow = (r, i) => edgesOf(r).to.slice(edgesOf(r).starts[i], edgesOf(r).starts[i + 1]);

// All edges by their tint, and no more than can be told apart: weak ones first, so that strong
// ones lie on top.
function tinted(r) {
  const { starts, to } = edgesOf(r);
  const groups = Array.from({ length: TINTS }, () => []);
  for (let i = 0; i < r.header.time; i += 1) {
    for (let at = starts[i]; at < starts[i + 1]; at += 1) {
      const tint = Math.ceil(shade(r, weightAt(r, i, to[at])) * TINTS) - 1;
      groups[Math.max(tint, 0)].push(i, to[at]);
    }
  }
  let left = MOST_LINES;
  for (let tint = TINTS - 1; tint >= 0; tint -= 1) {
    groups[tint].length = Math.min(groups[tint].length, 2 * left);
    left -= groups[tint].length / 2;
  }
  r.edges.drawn = MOST_LINES - left;
  return groups;
}

function drawEdges(r, pen) {
  const { from, to } = r.lines;
  const groups = tinted(r);
  let left = r.edges.drawn; // edges of this tint and of the stronger ones
  groups.forEach((ends, tint) => {
    if (!ends.length) return;
    const width = 0.7 + (2.3 * tint) / TINTS;
    const wide = width > 1 && left <= MOST_WIDE;
    left -= ends.length / 2;
    pen.strokeStyle = css(rampColour(r.theme.ramp, Math.max((tint + 0.5) / TINTS, 0.12)));
    pen.lineWidth = wide ? width : Math.min(width, 1);
    if (!wide) pen.beginPath();
    for (let at = 0; at < ends.length; at += 2) {
      if (wide) pen.beginPath(); // crossings within one wide path are slow
      pen.moveTo(from, middle(r, ends[at]));
      pen.lineTo(to, middle(r, ends[at + 1]));
      if (wide) pen.stroke();
    }
    if (!wide) pen.stroke();
  });
}

const middle = (r, at) => r.lines.top + (at + 0.5) * r.lines.cell;

function drawLines(r, pen) {
  const { labelled, cell } = r.lines;
  const { time } = r.header;
  const { query, key } = r.header.colours;
  pen.font = `bold 13px ${r.theme.sans}`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.fillStyle = query;
  pen.fillText(say("query: looks →"), 0, 9);
  pen.textAlign = "right";
  pen.fillStyle = key;
  pen.fillText(say("key: is looked at"), r.lines.width - 4, 9);
  if (arrived(r)) drawEdges(r, pen);
  const every = labelled ? 1 : ticks(cell, time);
  for (let at = 0; at < time; at += every) {
    drawToken(r, pen, at, "query", r.theme.text);
    drawToken(r, pen, at, "key", r.theme.text);
  }
}

// A token beside its end of the lines; with `behind` it stands out, and says its position too.
function drawToken(r, pen, at, side, colour, behind = null) {
  const { from, to, labelled, cell } = r.lines;
  const token = clip(r.header.tokens[at]);
  const text = labelled ? token : behind ? `${at} ${token}` : String(at);
  const size = labelled ? Math.min(14, Math.floor(cell) + 1) : 11;
  pen.font = `${size}px ${labelled || behind ? r.theme.mono : r.theme.sans}`;
  pen.textBaseline = "middle";
  pen.textAlign = side === "query" ? "right" : "left";
  const x = side === "query" ? from - 5 : to + 5;
  if (behind) {
    const width = pen.measureText(text).width + 6;
    pen.fillStyle = css(behind);
    pen.fillRect(side === "query" ? x - width + 3 : x - 3, middle(r, at) - size / 2 - 2, width, size + 4);
  }
  pen.fillStyle = css(colour);
  pen.fillText(text, x, middle(r, at) + 0.5);
}

function paintRow(r) {
  // The edges of one row over the faded others.
  const { from, to, top, width, height } = r.lines;
  const { text, background } = r.theme;
  const pen = r.zoomOver.getContext("2d");
  pen.clearRect(0, 0, width, height);
  if (!arrived(r)) return;
  pen.fillStyle = css(background, 0.78);
  pen.fillRect(from + 1, top - 2, to - from - 2, height - top);
  const { i, j } = r.cell;
  const row = shownRow(r);
  const keys = keysOfRow(r, row);
  for (const key of [...keys].reverse()) edge(r, pen, row, key, text);
  if (row === i && !masked(r, i, j)) edge(r, pen, i, j, r.theme.primary);
  drawToken(r, pen, row, "query", background, text);
  const places = [];
  for (const key of keys) {
    const y = middle(r, key);
    if (places.some((other) => Math.abs(other - y) < 14)) continue; // the stronger keeps its name
    places.push(y);
    drawToken(r, pen, key, "key", background, text);
  }
  if (row === i) drawToken(r, pen, j, "key", background, r.theme.primary);
}

function edge(r, pen, i, j, colour) {
  const weight = weightAt(r, i, j);
  pen.strokeStyle = css(colour);
  pen.lineWidth = 0.8 + 4 * weight;
  pen.beginPath();
  pen.moveTo(r.lines.from, middle(r, i));
  pen.lineTo(r.lines.to, middle(r, j));
  pen.stroke();
}

function sayLines(r) {
  const lines = r.view === "lines";
  r.find(".matrix").setAttribute("aria-pressed", !lines);
  r.find(".lines").setAttribute("aria-pressed", lines);
  r.find(".share").hidden = !lines;
  r.root.dataset.view = r.view;
  if (!lines || !arrived(r)) {
    r.find(".drawn").textContent = "";
    return;
  }
  const total = edgesOf(r).to.length;
  const count = (n) => n.toLocaleString("en");
  const part = Math.round(r.share * 100);
  const [n, all, drawn] = [count(total), count(r.perHead), count(r.edges.drawn)];
  r.find(".part").value = r.share;
  r.find(".drawn").textContent =
    r.edges.drawn < total
      ? say("{part} % of its weight: {n} of {all} edges, the strongest {drawn} drawn", { part, n, all, drawn })
      : say("{part} % of its weight: {n} of {all} edges", { part, n, all });
  r.root.dataset.edges = total;
}
