// The token strip: one light span per token, one listener for all of them.
// Data: values (float32, one per shown token, NaN: none), only when the header has a range.

const IDS_AT_ONCE = 250; // up to here the ids are under the tokens from the start

function makeRecord(root) {
  return {
    root,
    find: (selector) => root.querySelector(selector),
    at: null,
    width: 0,
    showIds: null,
  };
}

function takeData(r, data) {
  const { header, body } = unpack(data);
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
  const count = total.toLocaleString("en");
  r.find(".count").textContent = `${count} token${total === 1 ? "" : "s"}`;
  r.find(".cut").hidden = ids.length === total;
  r.find(".cut").textContent =
    `Only the first ${ids.length.toLocaleString("en")} of ${count} tokens are shown.`;
  r.find(".text").setAttribute("aria-label", `${count} tokens: arrow keys move through them`);
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
  const { ids, tokens, label } = r.header;
  const value = r.values ? r.values[at] : null;
  const measured =
    value === null ? "" : `, ${label} ${Number.isNaN(value) ? "unknown" : value.toFixed(4)}`;
  r.find(".readout").textContent = `id ${ids[at]} ‘${tokens[at]}’ position ${at}${measured}`;
  r.root.dataset.at = at;
  r.root.dataset.value = value ?? "";
}

function listen(r) {
  const text = r.find(".text");
  text.onpointerover = text.onpointerdown = (event) => {
    const { at } = event.target.dataset;
    if (at !== undefined) pointAt(r, Number(at));
  };
  text.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    pointAt(r, (r.at ?? -1) + step);
    r.spans[r.at ?? 0]?.scrollIntoView({ block: "nearest" });
  };
  r.find(".show-ids").onclick = () => {
    r.showIds = !r.find(".text").classList.contains("ids");
    showIds(r);
  };
}

export default function tokenStrip({ data, parentElement }) {
  const r = recordOf(parentElement, makeRecord);
  const since = performance.now();
  r.theme = readTheme(r.root);
  if (r.data === data) {
    r.spans.forEach((span, at) => paintToken(r, span, at)); // another theme, the same text
    if (r.at !== null) r.spans[r.at].classList.add("at");
  } else {
    takeData(r, data);
    build(r);
    r.find(".readout").textContent = "Point at a token to see its id.";
  }
  showLegend(r);
  showIds(r);
  listen(r);
  reportPainted(r, since);
}
