// The token strip: one light span per token, one listener for all of them.
// Data: values (float32, one per shown token, NaN: none), only when the header has a range.

const IDS_AT_ONCE = 250; // up to here the ids are under the tokens from the start

function makeRecord(root) {
  return {
    root,
    find: (selector) => root.querySelector(selector),
    at: null, // the token pointed at
    selected: null,
    width: 0,
    showIds: null,
  };
}

function takeData(r, data) {
  const { header, body } = unpack(data);
  speak(r.root, header.words);
  r.begins = header.start !== null && header.epoch !== r.header?.epoch;
  if (r.begins) r.selected = header.start.index;
  r.data = data;
  r.header = header;
  r.values = header.range && new Float32Array(body.buffer, body.byteOffset, header.ids.length);
  r.at = null;
}

function fraction(r, value) {
  const [low, high] = r.header.range;
  return (value - low) / (high - low);
}

function build(r) {
  const { ids, tokens, breaks } = r.header;
  const broken = new Set(breaks);
  const parts = document.createDocumentFragment();
  r.spans = tokens.map((token, at) => {
    const span = document.createElement("span");
    span.textContent = token;
    span.dataset.id = ids[at];
    span.dataset.at = at;
    paintToken(r, span, at);
    parts.append(span);
    if (broken.has(at)) parts.append(document.createElement("br"));
    return span;
  });
  r.find(".text").replaceChildren(parts);
}

function paintToken(r, span, at) {
  if (!r.values) {
    span.className = `c${r.header.ids[at] % 5}`;
    return;
  }
  span.className = "";
  const value = r.values[at];
  const colour = Number.isNaN(value) ? null : rampColour(r.theme.ramp, fraction(r, value));
  span.style.background = colour ? css(colour) : "";
  span.style.color = colour ? readableOn(colour) : "";
}

function showLegend(r) {
  const { range, label, ids, total } = r.header;
  r.find(".values").hidden = !range;
  if (range) {
    const number = (x) => String(+x.toFixed(2));
    r.find(".label").textContent = label;
    r.find(".low").textContent = number(range[0]);
    r.find(".high").textContent = number(range[1]);
    const pen = sizeCanvas(r.find(".scale"), 130, 14);
    for (let x = 0; x < 130; x += 1) {
      pen.fillStyle = css(rampColour(r.theme.ramp, x / 129));
      pen.fillRect(x, 0, 1.5, 14);
    }
  }
  const n = total.toLocaleString("en");
  r.find(".text").classList.toggle("selectable", r.header.selectable);
  r.find(".count").textContent = total === 1 ? say("1 token") : say("{n} tokens", { n });
  r.find(".cut").hidden = ids.length === total;
  r.find(".cut").textContent =
    say("Only the first {first} of {n} tokens are shown.", { first: ids.length.toLocaleString("en"), n });
  const said = r.header.selectable
    ? say("{n} tokens: arrow keys move through them, Enter selects one", { n })
    : say("{n} tokens: arrow keys move through them", { n });
  r.find(".text").setAttribute("aria-label", said);
}

function showIds(r) {
  const on = r.showIds ?? r.header.ids.length <= IDS_AT_ONCE;
  r.find(".text").classList.toggle("ids", on);
  r.find(".show-ids").setAttribute("aria-pressed", on);
}

function pointAt(r, at) {
  if (at < 0 || at >= r.spans.length || at === r.at) return;
  if (r.at !== null) r.spans[r.at].classList.remove("at");
  r.at = at;
  r.spans[at].classList.add("at");
  sayToken(r);
}

function sayToken(r) {
  const at = r.at ?? shownSelection(r);
  const { ids, tokens, label, details } = r.header;
  if (at === null) {
    r.find(".said").textContent = say("Point at a token to see its id.");
    r.find(".detail").hidden = true;
    return;
  }
  const value = r.values ? r.values[at] : null;
  const said = [say("id {id} ‘{token}’ position {at}", { id: ids[at], token: tokens[at], at })];
  if (value !== null) said.push(`${label} ${Number.isNaN(value) ? say("unknown") : value.toFixed(4)}`);
  if (at === r.selected) said.push(say("selected"));
  r.find(".said").textContent = said.join(", ");
  r.find(".detail").textContent = details?.[at] ?? "";
  r.find(".detail").hidden = !details?.[at];
  Object.assign(r.root.dataset, { at, value: value ?? "" });
}

// What is selected of the tokens that are here: a shorter text may lack it.
const shownSelection = (r) => (r.selected !== null && r.selected < r.spans.length ? r.selected : null);

function showSelection(r) {
  const before = r.find(".chosen");
  before?.classList.remove("chosen");
  before?.removeAttribute("aria-current");
  const at = r.header.selectable ? shownSelection(r) : null;
  r.root.dataset.selected = at ?? "";
  if (at === null) return;
  r.spans[at].classList.add("chosen");
  r.spans[at].setAttribute("aria-current", "true");
}

function choose(r, at) {
  if (at === r.selected) return;
  r.selected = at;
  showSelection(r);
  sayToken(r);
  r.report({ index: at, epoch: r.header.epoch });
}

// The reader's own choice: a second one of the same token lets go.
function select(r, at) {
  if (!r.header.selectable) return;
  choose(r, at === r.selected ? null : at);
  tellLink(r, r.selected);
}

function follow(r, position) {
  if (!r.header.selectable || position >= r.spans.length) return;
  choose(r, position);
  if (position !== null) pointAt(r, position);
}

function listen(r) {
  const text = r.find(".text");
  const tokenOf = (event, action) => {
    const { at } = event.target.dataset;
    if (at !== undefined) action(r, Number(at));
  };
  text.onpointerover = text.onpointerdown = (event) => tokenOf(event, pointAt);
  text.onclick = (event) => tokenOf(event, select);
  text.onkeydown = (event) => {
    const at = r.at ?? shownSelection(r) ?? -1;
    const last = r.spans.length - 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    const press = event.key === "Enter" || event.key === " ";
    if (to === undefined && !(press && r.header.selectable)) return;
    event.preventDefault();
    if (press && at >= 0) select(r, at);
    if (to !== undefined) pointAt(r, to);
    r.spans[r.at ?? 0]?.scrollIntoView({ block: "nearest" });
  };
  r.find(".show-ids").onclick = () => {
    r.showIds = !r.find(".text").classList.contains("ids");
    showIds(r);
  };
  listenToSaves(r);
}

export default function tokenStrip({ data, parentElement, setStateValue }) {
  const r = recordOf(parentElement, makeRecord);
  const since = performance.now();
  r.theme = readTheme(r.root);
  r.report = (value) => setStateValue("selected", value);
  if (r.data === data) {
    r.spans.forEach((span, at) => paintToken(r, span, at)); // another theme, the same text
    if (r.at !== null) r.spans[r.at].classList.add("at");
  } else {
    takeData(r, data);
    build(r);
    sayToken(r);
  }
  showSelection(r);
  showLegend(r);
  showIds(r);
  listen(r);
  joinLink(r, (position) => follow(r, position));
  if (r.begins) tellLink(r, shownSelection(r)); // what the page chose, the others show too
  r.begins = false;
  reportPainted(r, since);
}
