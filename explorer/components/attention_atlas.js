// The small pictures of all heads. Geometry: `atlas`, in CSS pixels.

const GAP = 5;
const LAYER_LABEL = 52;
const HEAD_LABEL = 18;
const CAPTION = 15;
const LEGIBLE = 40; // pixels that a caption needs; below, it is said on hover
const FADED = 0.16;

function layOutAtlas(r, space, side, stacked) {
  const { layers, heads } = r.header;
  const wide = (space - LAYER_LABEL) / heads - GAP;
  const below = captioned(r) && wide >= LEGIBLE ? CAPTION : 0;
  const high = stacked ? 1e9 : side / layers - GAP - below;
  const thumb = Math.max(Math.floor(Math.min(wide, high, 125)), 12);
  r.atlas = {
    thumb,
    alone: layers * heads === 1,
    across: below ? Math.max(thumb, Math.min(Math.floor(wide), 96)) + GAP : thumb + GAP,
    down: thumb + GAP + below,
  };
  r.atlas.width = LAYER_LABEL + heads * r.atlas.across;
  r.atlas.height = HEAD_LABEL + layers * r.atlas.down;
  orderHeads(r);
  r.thumbnails = r.order.map(() => null);
}

function placeAt(r, x, y) {
  // The place of the atlas under a point -> its head, -1: none.
  const { across, down } = r.atlas;
  const [row, column] = [Math.floor((y - HEAD_LABEL) / down), Math.floor((x - LAYER_LABEL) / across)];
  const { layers, heads } = r.header;
  if (row < 0 || column < 0 || row >= layers || column >= heads) return -1;
  return r.order[row * heads + column];
}

function cornerOf(r, place) {
  const { heads } = r.header;
  return [
    LAYER_LABEL + (place % heads) * r.atlas.across,
    HEAD_LABEL + Math.floor(place / heads) * r.atlas.down,
  ];
}

function thumbnail(r, head) {
  return smallImage(r, head, r.atlas.thumb * (window.devicePixelRatio || 1));
}

function smallImage(r, head, pixels) {
  // A pixel of the miniature shows the largest weight it covers, so that thin lines survive.
  const { levels, side: time, perHead } = r.small;
  const step = Math.ceil(time / pixels);
  const size = Math.ceil(time / step);
  const largest = new Uint16Array(size * size);
  let at = head * perHead;
  for (let i = 0; i < time; i += 1) {
    const base = Math.floor(i / step) * size;
    const end = r.header.causal ? i + 1 : time;
    for (let from = 0, cell = base; from < end; from += step, cell += 1) {
      const to = at + Math.min(step, end - from);
      let most = largest[cell];
      for (; at < to; at += 1) if (levels[at] > most) most = levels[at];
      largest[cell] = most;
    }
  }
  const image = new Uint32Array(size * size); // 0: transparent, masked
  for (let i = 0; i < size; i += 1) {
    const end = r.header.causal ? i + 1 : size;
    for (let j = 0; j < end; j += 1) image[i * size + j] = r.smallTable[largest[i * size + j]];
  }
  return pixelCanvas(size, size, image);
}

function paintAtlas(r) {
  if (r.atlas.alone) return;
  const pen = sizeCanvas(r.atlasBase, r.atlas.width, r.atlas.height);
  sizeCanvas(r.atlasOver, r.atlas.width, r.atlas.height);
  drawAtlas(r, pen);
}

function drawAtlas(r, pen) {
  const { layers, heads } = r.header;
  const { thumb, across, down } = r.atlas;
  pen.imageSmoothingEnabled = false;
  pen.fillStyle = css(r.theme.text);
  pen.font = `12px ${r.theme.sans}`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  const headed = (head) => say("head {n}", { n: head + 1 });
  const narrow = thumb < Math.max(44, pen.measureText(headed(heads - 1)).width - GAP);
  if (narrow && !sorted(r)) pen.fillText(say("head"), 0, HEAD_LABEL / 2);
  for (let row = 0; row < layers; row += 1) {
    const first = row * heads + 1;
    const places = heads > 1 ? `${first}–${first + heads - 1}` : first;
    const name = sorted(r) ? places : say("layer {n}", { n: row + 1 });
    pen.fillText(name, 0, HEAD_LABEL + row * down + thumb / 2);
  }
  pen.textAlign = "center";
  for (let head = 0; head < heads && !sorted(r); head += 1) {
    const name = narrow ? head + 1 : headed(head);
    pen.fillText(name, LAYER_LABEL + head * across + thumb / 2, 8);
  }
  pen.font = `11px ${r.theme.sans}`;
  pen.textAlign = "left";
  const words = across < LEGIBLE || !captioned(r) ? [] : captionsWithin(r, pen, across - 3);
  r.order.forEach((head, place) => drawThumbnail(r, pen, head, words[head], ...cornerOf(r, place)));
}

function drawThumbnail(r, pen, head, words, x, y) {
  const { thumb } = r.atlas;
  pen.globalAlpha = faded(r, head) ? FADED : 1;
  pen.fillStyle = css(r.theme.panel);
  pen.fillRect(x, y, thumb, thumb);
  pen.drawImage((r.thumbnails[head] ??= thumbnail(r, head)), x, y, thumb, thumb);
  pen.globalAlpha = 1;
  if (!words) return;
  pen.fillStyle = css(faded(r, head) ? r.theme.quiet : r.theme.text);
  pen.fillText(words, x, y + thumb + CAPTION / 2 + 2);
}

function paintChosenHead(r) {
  if (r.atlas.alone) return;
  const pen = r.atlasOver.getContext("2d");
  pen.clearRect(0, 0, r.atlasOver.width, r.atlasOver.height);
  drawChosenHead(r, pen);
}

function drawChosenHead(r, pen) {
  const [x, y] = cornerOf(r, r.order.indexOf(headIndex(r)));
  pen.strokeStyle = css(r.theme.primary);
  pen.lineWidth = 3;
  pen.strokeRect(x - 1, y - 1, r.atlas.thumb + 2, r.atlas.thumb + 2);
}
