// The attention component: what is selected, hovered and pinned, and what that says in words.
// Data: row sums (float32, L·H·T), then levels (uint16); see `encode` in attention_map.py.

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
  r.sums = new Float32Array(body.buffer, body.byteOffset, layers * heads * time);
  const after = body.byteOffset + r.sums.byteLength;
  r.levels = new Uint16Array(body.buffer, after, layers * heads * r.perHead);
  if (asked) r.selected = { layer: header.start.layer, head: header.start.head };
  r.selected.layer = Math.min(r.selected.layer, layers - 1);
  r.selected.head = Math.min(r.selected.head, heads - 1);
  if (newText) {
    r.pinned = null;
    r.cell = null;
  }
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
  r.root.dataset.pinned = r.pinned ?? "";
  paintCross(r);
  paintStrip(r);
  sayStrip(r);
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
  const end = r.header.causal ? i + 1 : r.header.time;
  let best = 0;
  for (let j = 1; j < end; j += 1) if (weightAt(r, i, j) > weightAt(r, i, best)) best = j;
  return best;
}

function paintAll(r) {
  if (!r.width || mayWait(r)) return; // not in sight: an observer calls again
  const since = r.since ?? performance.now();
  r.since = null;
  r.table = colourTable(r);
  r.cell ??= { i: r.header.time - 1, j: strongest(r, r.header.time - 1) };
  r.find(".masked-key").hidden = !r.header.causal;
  r.find(".root").setAttribute("aria-pressed", r.rootContrast);
  r.find(".linear").setAttribute("aria-pressed", !r.rootContrast);
  layOut(r);
  layOutStrip(r);
  paintScale(r);
  paintAtlas(r);
  paintChosenHead(r);
  paintHead(r);
  sayStrip(r);
  reportPainted(r, since);
}

// ---- events -----------------------------------------------------------------------------------

function listen(r) {
  const atlas = r.find(".atlas");
  const zoom = r.find(".zoom");
  const cellAt = (event) => [
    Math.floor((event.offsetY - r.zoom.top) / r.zoom.cell),
    Math.floor((event.offsetX - r.zoom.left) / r.zoom.cell),
  ];
  const tokenAt = ({ offsetX, offsetY }) =>
    r.strip.findIndex(
      ({ x, y, width, height }) =>
        offsetX >= x && offsetX <= x + width && offsetY >= y && offsetY <= y + height,
    );
  zoom.onpointermove = zoom.onpointerdown = (event) => moveTo(r, ...cellAt(event));
  zoom.onclick = () => pin(r, r.cell.i);
  zoom.onkeydown = (event) => {
    const step = event.shiftKey ? 10 : 1;
    const { i, j } = r.cell;
    onKey(event, {
      ArrowUp: () => moveTo(r, i - step, j),
      ArrowDown: () => moveTo(r, i + step, j),
      ArrowLeft: () => moveTo(r, i, j - step),
      ArrowRight: () => moveTo(r, i, j + step),
      Enter: () => pin(r, i),
      " ": () => pin(r, i),
    });
  };
  atlas.onclick = (event) => {
    const size = r.atlas.thumb + GAP;
    const layer = Math.floor((event.offsetY - HEAD_LABEL) / size);
    select(r, layer, Math.floor((event.offsetX - LAYER_LABEL) / size), true);
  };
  atlas.onkeydown = (event) => {
    const { layer, head } = r.selected;
    onKey(event, {
      ArrowUp: () => select(r, layer - 1, head),
      ArrowDown: () => select(r, layer + 1, head),
      ArrowLeft: () => select(r, layer, head - 1),
      ArrowRight: () => select(r, layer, head + 1),
      Enter: () => select(r, layer, head, true),
    });
  };
  r.root.onkeyup = (event) => {
    if (event.key === "Escape" && r.pinned !== null) pin(r, r.pinned);
  };
  r.stripCanvas.onpointermove = (event) => {
    const token = tokenAt(event);
    if (token >= 0) moveTo(r, token, strongest(r, token));
  };
  r.stripCanvas.onclick = (event) => {
    if (tokenAt(event) < 0) return;
    pin(r, tokenAt(event));
    zoom.focus({ preventScroll: true }); // so that Escape reaches this component
  };
  const contrast = (root) => () => {
    r.rootContrast = root;
    paintAll(r);
  };
  r.find(".root").onclick = contrast(true);
  r.find(".linear").onclick = contrast(false);
  r.find(".save").onclick = () => savePicture(picture(r), `attention-${headName(r).replaceAll(" ", "-")}.png`);
}

function onKey(event, actions) {
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault(); // arrows would scroll the page
  action();
}

function picture(r) {
  // The detailed map with its title and scale, without the crosshair.
  const ratio = window.devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  const width = Math.max(r.zoomBase.width / ratio + 24, 420);
  const pen = sizeCanvas(canvas, width, r.zoomBase.height / ratio + 64);
  pen.fillStyle = css(r.theme.background);
  pen.fillRect(0, 0, width, 1e4);
  pen.fillStyle = css(r.theme.text);
  pen.font = `bold 16px ${r.theme.sans}`;
  pen.fillText(`${headName(r)}: attention weights`, 12, 24);
  pen.font = `13px ${r.theme.sans}`;
  pen.fillText("0", 12, 46);
  pen.drawImage(r.scaleCanvas, 26, 35, 130, 14);
  pen.fillText(`1   (colour: ${r.rootContrast ? "square root of the weight" : "weight"})`, 162, 46);
  pen.drawImage(r.zoomBase, 12, 58, r.zoomBase.width / ratio, r.zoomBase.height / ratio);
  return canvas;
}

export default function attentionMap({ data, parentElement, setStateValue }) {
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
