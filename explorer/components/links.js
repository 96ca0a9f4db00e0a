// Components that show one text share a position: what is chosen in one, the others show at once,
// without the server. `link` in their headers is the name they share. The cell of the attention map
// that is pointed at, a query and a key, is shared too, but never kept.

const LINKED = "explorer-position";
const CELL = "explorer-cell";

// Follow the link of the header: follow(position) is called with the shared position, null: none;
// followCell(i, j), if given, with the query and the key that are pointed at.
function joinLink(r, follow, followCell) {
  r.leaveLink?.();
  const { link } = r.header;
  if (!link) return;
  const hear = ({ type, detail }) => {
    if (!r.root.isConnected) r.leaveLink();
    else if (detail.link !== link || detail.from === r) return;
    else if (type === LINKED) follow(detail.position);
    else followCell(detail.i, detail.j);
  };
  const events = followCell ? [LINKED, CELL] : [LINKED];
  for (const event of events) document.addEventListener(event, hear);
  r.leaveLink = () => {
    for (const event of events) document.removeEventListener(event, hear);
  };
}

function tellLink(r, position) {
  const { link } = r.header;
  if (!link) return;
  sharedPositions().set(link, position);
  document.dispatchEvent(new CustomEvent(LINKED, { detail: { link, position, from: r } }));
}

// At most once a frame, with the newest cell: a pointer reports more often than a screen paints.
function tellCell(r, i, j) {
  if (!r.header.link) return;
  const waiting = r.cellToTell;
  r.cellToTell = { i, j };
  if (waiting) return;
  requestAnimationFrame(() => {
    const detail = { link: r.header.link, ...r.cellToTell, from: r };
    r.cellToTell = null;
    document.dispatchEvent(new CustomEvent(CELL, { detail }));
  });
}

// One map for all components of the page, which are modules of their own.
const sharedPositions = () => (document.explorerPositions ??= new Map());
