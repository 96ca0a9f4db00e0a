// Components that show one text share a position: what is chosen in one, the others show at once,
// without the server. `link` in their headers is the name they share.

const LINKED = "explorer-position";

// Follow the link of the header: follow(position) is called with the shared position, null: none.
function joinLink(r, follow) {
  r.leaveLink?.();
  const { link } = r.header;
  if (!link) return;
  const listener = ({ detail }) => {
    if (!r.root.isConnected) r.leaveLink();
    else if (detail.link === link && detail.from !== r) follow(detail.position);
  };
  document.addEventListener(LINKED, listener);
  r.leaveLink = () => document.removeEventListener(LINKED, listener);
}

function tellLink(r, position) {
  const { link } = r.header;
  if (!link) return;
  sharedPositions().set(link, position);
  document.dispatchEvent(new CustomEvent(LINKED, { detail: { link, position, from: r } }));
}

// One map for all components of the page, which are modules of their own.
const sharedPositions = () => (document.explorerPositions ??= new Map());
