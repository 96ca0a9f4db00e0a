// Marks terms with the browser's own highlights, which change nothing in the page that Streamlit
// keeps, and shows the meaning of the one under the pointer. One glossary for the whole document.

const PLACES = "[data-testid=stMain] [data-testid=stMarkdownContainer]";
const NOT_IN = "code, pre, a, button, h1, h2, h3, .katex, [role=img], [data-testid=stTooltipIcon], [data-testid=stTextInput], [data-testid=stAlertContentError]";
const REST = 250; // milliseconds that the pointer rests on a word before it is explained
const CALM = 500; // and that a page is calm before its words are marked anew
const NAME = "explorer-terms";
const STYLE = `::highlight(${NAME}) { text-decoration: underline dotted; text-underline-offset: 3px; }`;

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

function readTerms(terms) {
  const byForm = new Map();
  for (const [name, meaning, forms] of terms) {
    for (const form of forms) byForm.set(form.toLowerCase(), { name, meaning });
  }
  const longestFirst = [...byForm.keys()].sort((a, b) => b.length - a.length).map(escaped);
  const pattern = `(?<![\\p{L}\\d-])(?:${longestFirst.join("|")})(?![\\p{L}\\d-])`;
  return { byForm, pattern: new RegExp(pattern, "giu") };
}

// The terms in one text node, as { start, end, term }.
function* termsIn(node, { byForm, pattern }) {
  for (const found of node.data.matchAll(pattern)) {
    const [word] = found;
    yield { start: found.index, end: found.index + word.length, term: byForm.get(word.toLowerCase()) };
  }
}

const counts = (node) => node.parentElement && !node.parentElement.closest(NOT_IN);

function mark(words) {
  const seen = new Set();
  const ranges = [];
  for (const place of document.querySelectorAll(PLACES)) {
    const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (!counts(node)) continue;
      for (const { start, end, term } of termsIn(node, words)) {
        if (seen.has(term.name)) continue;
        seen.add(term.name);
        const range = new Range();
        range.setStart(node, start);
        range.setEnd(node, end);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set(NAME, new Highlight(...ranges));
}

// The term under a point of the window, with its box; null: none.
function termAt(x, y, words) {
  const caret = document.caretPositionFromPoint?.(x, y);
  const old = caret ? null : document.caretRangeFromPoint?.(x, y);
  const node = caret?.offsetNode ?? old?.startContainer;
  const offset = caret?.offset ?? old?.startOffset;
  if (node?.nodeType !== Node.TEXT_NODE || !counts(node)) return null;
  if (!node.parentElement.closest(PLACES)) return null;
  for (const { start, end, term } of termsIn(node, words)) {
    if (offset < start || offset > end) continue;
    const range = new Range();
    range.setStart(node, start);
    range.setEnd(node, end);
    for (const box of range.getClientRects()) {
      if (x >= box.left && x <= box.right && y >= box.top && y <= box.bottom) return { term, box };
    }
  }
  return null;
}

function makeCard() {
  const card = document.createElement("div");
  card.id = NAME;
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  card.style.cssText =
    "position:fixed;z-index:1000000;max-width:22rem;padding:.5rem .75rem;border-radius:.4rem;" +
    "font-size:.9rem;line-height:1.4;pointer-events:none;box-shadow:0 4px 16px rgb(0 0 0 / .25)";
  card.append(document.createElement("b"), document.createElement("div"));
  document.body.append(card);
  return card;
}

function show(card, { term, box }) {
  const app = getComputedStyle(document.querySelector("[data-testid=stApp]"));
  Object.assign(card.style, {
    background: app.backgroundColor,
    color: app.color,
    fontFamily: app.fontFamily,
    border: `1px solid color-mix(in srgb, ${app.color} 30%, transparent)`,
  });
  [card.firstChild.textContent, card.lastChild.textContent] = [term.name, term.meaning];
  card.hidden = false;
  const { width, height } = card.getBoundingClientRect();
  const below = box.bottom + 6 + height < innerHeight;
  card.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
  card.style.top = `${below ? box.bottom + 6 : box.top - 6 - height}px`;
}

function begin() {
  const g = { card: makeCard(), words: null };
  const style = Object.assign(document.createElement("style"), { textContent: STYLE });
  document.head.append(style);
  const later = (run, wait) => {
    let timer;
    return (...given) => {
      clearTimeout(timer);
      timer = setTimeout(run, wait, ...given);
    };
  };
  g.mark = later(() => mark(g.words), CALM);
  const explain = later((x, y) => {
    const found = termAt(x, y, g.words);
    if (found) show(g.card, found);
  }, REST);
  const hide = () => (g.card.hidden = true);
  document.addEventListener("pointermove", ({ clientX: x, clientY: y }) => {
    if (!g.card.hidden && !termAt(x, y, g.words)) hide();
    explain(x, y);
  });
  document.addEventListener("pointerdown", ({ clientX: x, clientY: y }) => explain(x, y));
  document.addEventListener("scroll", hide, true);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  new MutationObserver(g.mark).observe(document.querySelector("[data-testid=stApp]"), {
    childList: true,
    characterData: true,
    subtree: true,
  });
  return g;
}

export default function glossary({ data }) {
  document.documentElement.lang = data.language; // for those who have the page read to them
  if (!globalThis.CSS?.highlights) return; // an older browser: the list in the sidebar remains
  const g = (document.explorerGlossary ??= begin());
  g.words = readTerms(data.terms);
  g.mark();
}
