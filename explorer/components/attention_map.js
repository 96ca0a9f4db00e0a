// The attention component: what is selected, hovered and pinned, and what that says in words.
// Data: row sums (float32, or none), then levels: of all heads, or of one and then of the small
// pictures of all; see `encode` and `encode_large` in attention_message.py.

const REST = 250; // milliseconds after the last arrow key until a head that is not here is asked for

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
  speak(r.root, header.words);
  const newText = r.header?.tokens.join("\0") !== header.tokens.join("\0");
  const asked = header.start && header.epoch !== r.header?.epoch;
  r.data = data;
  r.header = header;
  takeLevels(r, body);
  if (asked) r.selected = { layer: header.start.layer, head: header.start.head };
  r.selected.layer = Math.min(r.selected.layer, layers - 1);
  r.selected.head = Math.min(r.selected.head, heads - 1);
  if (newText) {
    r.pinned = null;
    r.cell = null;
  }
  const shared = header.link ? sharedPositions().get(header.link) : null;
  if (newText && shared < time) [r.pinned, r.cell] = [shared, null];
  if (arrived(r)) r.told = header.detail;
  askFor(r);
  takeScores(r);
}

// Sets `levels`: the weights that are here, of all heads or of one; and `small`: what the small
// pictures are made of, which are the same unless only one head is here.
function takeLevels(r, body) {
  const { layers, heads, time, bits, causal, detail, side } = r.header;
  const cells = (n) => (causal ? (n * (n + 1)) / 2 : n * n);
  const here = detail === null ? layers * heads : 1;
  r.perHead = cells(time);
  r.sums = r.header.sums ? new Float32Array(body.buffer, body.byteOffset, here * time) : null;
  const after = body.byteOffset + (r.sums?.byteLength ?? 0);
  const Levels = bits === 16 ? Uint16Array : Uint8Array;
  r.levels = new Levels(body.buffer, after, here * r.perHead);
  r.weights = weightTable(bits);
  const end = after + r.levels.byteLength;
  r.small =
    detail === null
      ? { levels: r.levels, side: time, perHead: r.perHead, bits }
      : { levels: new Uint8Array(body.buffer, end), side, perHead: cells(side), bits: 8 };
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
  clearTimeout(r.resting);
  if (report) tell(r);
  else askFor(r);
}

function tell(r) {
  r.told = headIndex(r);
  r.report({ ...r.selected, epoch: r.header.epoch });
}

// A head that is not here and that Python was not told: tell it when the keys have come to rest.
function askFor(r) {
  clearTimeout(r.resting);
  if (!arrived(r) && r.told !== headIndex(r)) r.resting = setTimeout(() => tell(r), REST);
}

function paintHead(r) {
  paintZoom(r);
  paintCross(r);
  paintStrip(r);
  sayStrip(r);
  sayCell(r);
  saySelection(r);
}

function strongest(r, i) {
  if (!arrived(r)) return i;
  let best = 0;
  for (let j = 1; j < rowEnd(r, i); j += 1) if (weightAt(r, i, j) > weightAt(r, i, best)) best = j;
  return best;
}

function paintAll(r) {
  if (!r.width || mayWait(r)) return; // not in sight: an observer calls again
  const since = r.since ?? performance.now();
  r.since = null;
  r.table = colourTable(r, "table", r.header.bits);
  r.smallTable = colourTable(r, "smallTable", r.small.bits);
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
  reportPainted(r, since);
}

// Another component of this text chose a position; null: none.
function follow(r, position) {
  if (position !== null && position >= r.header.time) return;
  r.pinned = position;
  if (position !== null) r.cell = { i: position, j: strongest(r, position) };
  showPin(r);
}

// Another component of this text points at a query and a key.
function followCell(r, i, j) {
  if (r.zoom && Math.max(i, j) < r.header.time) moveTo(r, i, j);
}

export default function attentionMap({ data, parentElement, setStateValue }) {
  const r = recordOf(parentElement, makeRecord);
  r.since = performance.now();
  r.report = (value) => setStateValue("selected", value);
  r.theme = readTheme(r.root);
  if (r.data !== data) takeData(r, data);
  listen(r);
  paintAll(r);
  joinLink(r, (position) => follow(r, position), (i, j) => followCell(r, i, j));
  afterFonts(r.theme, () => paintAll(r));
  return watch(r, () => paintAll(r));
}
