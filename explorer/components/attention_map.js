// The attention component: what is selected, hovered and pinned, and what that says in words.
// Data: row sums (float32, L·H·T, or none), then levels; see `encode` in attention_message.py.

function makeRecord(root) {
  const find = (selector) => root.querySelector(selector);
  return {
    root,
    find,
    atlasBase: find(".atlas .base"),
    atlasOver: find(".atlas .over"),
    zoomBase: find(".zoom .base"),
    zoomOver: find(".zoom .over"),
    scaleCanvas: find(".scale"),
    stripCanvas: find(".strip canvas"),
    selected: { layer: 0, head: 0 },
    view: "matrix",
    share: 0.7, // of a row's weight that its lines carry
    strongestFirst: false,
    least: null, // fade heads below this score
    rootContrast: true,
    pinned: null,
    cell: null,
    width: 0,
  };
}

function takeData(r, data) {
  const { header, body } = unpack(data);
  const { layers, heads, time } = header;
  const newText = r.header?.tokens.join("\0") !== header.tokens.join("\0");
  const asked = header.start && header.epoch !== r.header?.epoch;
  r.data = data;
  r.header = header;
  r.perHead = header.causal ? (time * (time + 1)) / 2 : time * time;
  r.sums = header.sums ? new Float32Array(body.buffer, body.byteOffset, layers * heads * time) : null;
  const after = body.byteOffset + (r.sums?.byteLength ?? 0);
  const Levels = header.bits === 16 ? Uint16Array : Uint8Array;
  r.levels = new Levels(body.buffer, after, layers * heads * r.perHead);
  r.weights = weightTable(header.bits);
  if (asked) r.selected = { layer: header.start.layer, head: header.start.head };
  r.selected.layer = Math.min(r.selected.layer, layers - 1);
  r.selected.head = Math.min(r.selected.head, heads - 1);
  if (newText) {
    r.pinned = null;
    r.cell = null;
  }
  const shared = header.link ? sharedPositions().get(header.link) : null;
  if (newText && shared < time) [r.pinned, r.cell] = [shared, null];
  takeScores(r);
}

// ---- changes --------------------------------------------------------------------------------

function moveTo(r, i, j) {
  const last = r.header.time - 1;
  const cell = { i: Math.min(Math.max(i, 0), last), j: Math.min(Math.max(j, 0), last) };
  const otherRow = cell.i !== r.cell?.i;
  if (!otherRow && cell.j === r.cell.j) return;
  r.cell = cell;
  paintCross(r);
  if (otherRow && r.pinned === null) {
    paintStrip(r);
    sayStrip(r);
  }
  sayCell(r);
}

function pin(r, row) {
  r.pinned = r.pinned === row ? null : row;
  showPin(r);
  tellLink(r, r.pinned);
}

function showPin(r) {
  if (!r.zoom) return; // nothing painted yet
  paintCross(r);
  paintStrip(r);
  sayStrip(r);
  sayCell(r);
}

function select(r, layer, head, report) {
  const { layers, heads } = r.header;
  if (layer < 0 || head < 0 || layer >= layers || head >= heads) return;
  r.selected = { layer, head };
  paintChosenHead(r);
  paintHead(r);
  if (report) r.report({ layer, head, epoch: r.header.epoch });
}

function paintHead(r) {
  paintZoom(r);
  paintCross(r);
  paintStrip(r);
  sayCell(r);
  saySelection(r);
}

function strongest(r, i) {
  let best = 0;
  for (let j = 1; j < rowEnd(r, i); j += 1) if (weightAt(r, i, j) > weightAt(r, i, best)) best = j;
  return best;
}

function paintAll(r) {
  if (!r.width || mayWait(r)) return; // not in sight: an observer calls again
  const since = r.since ?? performance.now();
  r.since = null;
  r.table = colourTable(r);
  const row = r.pinned ?? r.header.time - 1;
  r.cell ??= { i: row, j: strongest(r, row) };
  r.find(".masked-key").hidden = !r.header.causal;
  r.find(".root").setAttribute("aria-pressed", r.rootContrast);
  r.find(".linear").setAttribute("aria-pressed", !r.rootContrast);
  layOut(r);
  sayOrder(r);
  layOutStrip(r);
  paintScale(r);
  r.find(".save-all").hidden = r.atlas.alone;
  paintAtlas(r);
  paintChosenHead(r);
  paintHead(r);
  sayStrip(r);
  reportPainted(r, since);
}

// Another component of this text chose a position; null: none.
function follow(r, position) {
  if (position !== null && position >= r.header.time) return;
  r.pinned = position;
  if (position !== null) r.cell = { i: position, j: strongest(r, position) };
  showPin(r);
}

export default function attentionMap({ data, parentElement, setStateValue }) {
  const r = recordOf(parentElement, makeRecord);
  r.since = performance.now();
  r.report = (value) => setStateValue("selected", value);
  r.theme = readTheme(r.root);
  if (r.data !== data) takeData(r, data);
  listen(r);
  paintAll(r);
  joinLink(r, (position) => follow(r, position));
  afterFonts(r.theme, () => paintAll(r));
  return watch(r, () => paintAll(r));
}
