// The dot product component: which query meets which key, and the term that is pointed at.
// Data: queries, then keys (float32, time × size each); see `encode` in dot_product.py.

function makeRecord(root) {
  const find = (selector) => root.querySelector(selector);
  return {
    root,
    find,
    base: find(".bars .base"),
    over: find(".bars .over"),
    i: null, // the query
    j: null, // the key
    d: null, // the place of the term under the pointer
    bySize: false,
    width: 0,
  };
}

function takeData(r, data) {
  const { header, body } = unpack(data);
  const { time, size, link } = header;
  speak(r.root, header.words);
  const newText = r.header?.tokens.join("\0") !== header.tokens.join("\0");
  r.data = data;
  r.header = header;
  r.queries = new Float32Array(body.buffer, body.byteOffset, time * size);
  r.keys = new Float32Array(body.buffer, body.byteOffset + r.queries.byteLength, time * size);
  r.row = null;
  if (r.d >= size) r.d = null;
  if (newText) {
    fillChoosers(r);
    const shared = link ? sharedPositions().get(link) : null;
    r.i = Number.isInteger(shared) && shared < time ? shared : header.query;
    r.j = scoresOf(r, r.i).best;
  }
  meet(r);
}

function fillChoosers(r) {
  for (const chooser of [r.find(".query"), r.find(".key")]) {
    chooser.replaceChildren(
      ...r.header.tokens.map((token, at) => {
        const words = { value: at, textContent: `${at} ‘${token}’` };
        return Object.assign(document.createElement("option"), words);
      }),
    );
  }
}

// ---- changes ------------------------------------------------------------------------------------

function show(r) {
  meet(r);
  sayPair(r);
  sayTerm(r);
  if (r.width && !mayWait(r)) paintTerms(r);
}

function choosePair(r, i, j) {
  if (Math.max(i, j) >= r.header.time || (i === r.i && j === r.j)) return;
  [r.i, r.j] = [i, j];
  show(r);
}

// Another component of this text chose a position: it asks the key that it weighs most.
function follow(r, position) {
  if (position === null || position === r.i || position >= r.header.time) return;
  choosePair(r, position, scoresOf(r, position).best);
}

function pointAt(r, place) {
  const d = r.order[Math.min(Math.max(place, 0), r.order.length - 1)];
  if (d === r.d) return;
  r.d = d;
  paintTerm(r);
  sayTerm(r);
}

function arrange(r, bySize) {
  r.bySize = bySize;
  show(r);
}

// ---- events -------------------------------------------------------------------------------------

function listen(r) {
  const bars = r.find(".bars");
  bars.onpointermove = bars.onpointerdown = (event) =>
    pointAt(r, Math.floor((event.offsetX - TERMS.left) / slotOf(r)));
  bars.onkeydown = (event) => {
    const at = r.d === null ? -1 : r.order.indexOf(r.d);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: r.order.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault(); // arrows would scroll the page
    pointAt(r, to);
  };
  r.find(".by-place").onclick = () => arrange(r, false);
  r.find(".by-size").onclick = () => arrange(r, true);
  r.find(".query").onchange = (event) => {
    choosePair(r, Number(event.target.value), r.j);
    tellLink(r, r.i);
    tellCell(r, r.i, r.j); // after the position, to which the map adds a key of its own
  };
  r.find(".key").onchange = (event) => {
    choosePair(r, r.i, Number(event.target.value));
    tellCell(r, r.i, r.j);
  };
  listenToSaves(r);
}

function listenToSaves(r) {
  const name = (ending) => fileName(ending, "dot product", r.header.title, `query ${r.i} key ${r.j}`);
  const paper = r.find(".paper");
  r.find(".save").onclick = () => savePng(r.theme, ...termPicture(r), name("png"));
  r.find(".save-svg").onclick = () => saveSvg(paper, r.theme, ...termPicture(r), name("svg"));
  r.find(".save-csv").onclick = () => saveCsv(termTable(r), name("csv"));
}

export default function dotProduct({ data, parentElement }) {
  const r = recordOf(parentElement, makeRecord);
  const since = performance.now();
  r.theme = readTheme(r.root);
  if (r.data !== data) takeData(r, data);
  r.colours = r.header.colours;
  for (const [name, colour] of Object.entries(r.colours)) r.root.style.setProperty(`--${name}`, colour);
  listen(r);
  const draw = () => {
    show(r);
    if (r.width && !r.owed) reportPainted(r, since);
  };
  draw();
  joinLink(r, (position) => follow(r, position), (i, j) => choosePair(r, i, j));
  afterFonts(r.theme, draw);
  return watch(r, draw);
}
