// What the pointer and the keys do in the attention component.

function listen(r) {
  listenToAtlas(r);
  listenToHead(r);
  listenToStrip(r);
  listenToControls(r);
  listenToSaves(r);
  r.root.onkeyup = (event) => {
    if (event.key === "Escape" && r.pinned !== null) pin(r, r.pinned);
  };
}

function onKey(event, actions) {
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault(); // arrows would scroll the page
  action();
}

const headAt = (r, head, report) =>
  select(r, Math.floor(head / r.header.heads), head % r.header.heads, report);

function listenToAtlas(r) {
  const atlas = r.find(".atlas");
  atlas.onclick = (event) => {
    const head = placeAt(r, event.offsetX, event.offsetY);
    if (head >= 0) headAt(r, head, true);
  };
  atlas.onpointermove = (event) => {
    const head = placeAt(r, event.offsetX, event.offsetY);
    const said = head < 0 ? "" : `${nameInWords(r, head)} ${labelOf(r, head)}`;
    if (atlas.title !== said) atlas.title = said;
  };
  const step = (by) => () => {
    const place = r.order.indexOf(headIndex(r));
    const { heads } = r.header;
    const sideways = Math.abs(by) === 1 && heads > 1;
    if (sideways && Math.floor((place + by) / heads) !== Math.floor(place / heads)) return;
    if (r.order[place + by] !== undefined) headAt(r, r.order[place + by], false);
  };
  atlas.onkeydown = (event) =>
    onKey(event, {
      ArrowUp: step(-r.header.heads),
      ArrowDown: step(r.header.heads),
      ArrowLeft: r.header.heads > 1 ? step(-1) : () => {},
      ArrowRight: r.header.heads > 1 ? step(1) : () => {},
      Enter: () => headAt(r, headIndex(r), true),
    });
}

// Where the pointer or the keys go, the components linked with this one go too.
function pointTo(r, i, j) {
  moveTo(r, i, j);
  tellCell(r, r.cell.i, r.cell.j);
}

function listenToHead(r) {
  const zoom = r.find(".zoom");
  zoom.onpointermove = zoom.onpointerdown = (event) => {
    if (!arrived(r)) return;
    const { offsetX: x, offsetY: y } = event;
    if (r.view === "matrix") {
      pointTo(r, Math.floor((y - r.zoom.top) / r.zoom.cell), Math.floor((x - r.zoom.left) / r.zoom.cell));
      return;
    }
    // The left half names the query; the right half the key that the same query is asked about.
    const at = Math.min(Math.max(Math.floor((y - r.lines.top) / r.lines.cell), 0), r.header.time - 1);
    if (2 * x < r.lines.width) pointTo(r, at, strongest(r, at));
    else pointTo(r, shownRow(r), at);
  };
  zoom.onclick = () => arrived(r) && pin(r, r.cell.i);
  zoom.onkeydown = (event) => {
    if (!arrived(r)) return;
    const step = event.shiftKey ? 10 : 1;
    const { i, j } = r.cell;
    onKey(event, {
      ArrowUp: () => pointTo(r, i - step, j),
      ArrowDown: () => pointTo(r, i + step, j),
      ArrowLeft: () => pointTo(r, i, j - step),
      ArrowRight: () => pointTo(r, i, j + step),
      Enter: () => pin(r, i),
      " ": () => pin(r, i),
    });
  };
}

function listenToStrip(r) {
  const tokenAt = ({ offsetX, offsetY }) =>
    r.strip.findIndex(
      ({ x, y, width, height }) =>
        offsetX >= x && offsetX <= x + width && offsetY >= y && offsetY <= y + height,
    );
  r.stripCanvas.onpointermove = (event) => {
    const token = tokenAt(event);
    if (token >= 0) pointTo(r, token, strongest(r, token));
  };
  r.stripCanvas.onclick = (event) => {
    if (tokenAt(event) < 0) return;
    pin(r, tokenAt(event));
    r.find(".zoom").focus({ preventScroll: true }); // so that Escape reaches this component
  };
}

function listenToControls(r) {
  const on = (selector, change) => {
    r.find(selector).onclick = () => {
      change();
      paintAll(r);
    };
  };
  on(".root", () => (r.rootContrast = true));
  on(".linear", () => (r.rootContrast = false));
  on(".matrix", () => (r.view = "matrix"));
  on(".lines", () => (r.view = "lines"));
  on(".by-layer", () => (r.strongestFirst = false));
  on(".by-score", () => (r.strongestFirst = true));
  r.find(".least").oninput = (event) => fadeBelow(r, Number(event.target.value));
  r.find(".part").oninput = (event) => {
    r.share = Number(event.target.value);
    paintHead(r);
  };
}
