// The next-token component: three sliders, the bars they change, and what the pointer is on.
// Data: logits (float32, V); the header names the tokens that get a bar, by falling probability.

function makeRecord(root) {
  const find = (selector) => root.querySelector(selector);
  return {
    root,
    find,
    base: find(".bars .base"),
    over: find(".bars .over"),
    inputs: { temperature: find("input.temperature"), top_k: find("input.top_k"), top_p: find("input.top_p") },
    settings: null,
    bar: null, // index into header.ids of the bar under the pointer
    width: 0,
  };
}

function takeData(r, data) {
  const { header, body } = unpack(data);
  const asked = !r.settings || header.epoch !== r.header?.epoch;
  speak(r.root, header.words);
  r.data = data;
  r.header = header;
  r.logits = new Float32Array(body.buffer, body.byteOffset, header.vocab_size);
  r.order = fallingOrder(r.logits);
  r.ranks = new Uint32Array(header.vocab_size);
  r.order.forEach((id, rank) => (r.ranks[id] = rank));
  if (asked) r.settings = { ...header.start };
  r.stops = topKStops(header.vocab_size, r.settings.top_k);
  if (r.bar !== null && r.bar >= header.ids.length) r.bar = null;
}

// What the top-k slider can stand on: every number while there are few, then wider steps; null
// (off) at the right end.
function topKStops(vocabSize, wanted) {
  const stops = [];
  let step = 1;
  for (let k = 1; k <= vocabSize; k += step) {
    stops.push(k);
    if (vocabSize > 300 && k >= 100) step = 10 ** Math.floor(Math.log10(k) - 1); // 100, 110 … 1000, 1100 …
  }
  if (wanted !== null && !stops.includes(wanted)) stops.push(wanted);
  return [...stops.sort((a, b) => a - b), null];
}

// ---- sliders ------------------------------------------------------------------------------------

function showSettings(r) {
  const { temperature, top_k, top_p } = r.settings;
  const { inputs } = r;
  inputs.top_k.max = r.stops.length - 1;
  inputs.temperature.value = temperature;
  inputs.top_k.value = r.stops.indexOf(top_k);
  inputs.top_p.value = top_p ?? 1;
  const greedy = temperature === 0;
  const texts = {
    temperature: greedy ? say("0 — greedy: always the most probable") : String(temperature),
    top_k: top_k === null ? say("off") : say("{k} most probable", { k: top_k }),
    top_p: top_p === null ? say("off") : String(top_p),
  };
  for (const [name, text] of Object.entries(texts)) {
    r.find(`.${name}-value`).textContent = text;
    inputs[name].setAttribute("aria-valuetext", text);
  }
}

function readSettings(r) {
  const top_p = Number(r.inputs.top_p.value);
  r.settings = {
    temperature: Number(r.inputs.temperature.value),
    top_k: r.stops[Number(r.inputs.top_k.value)],
    top_p: top_p >= 1 ? null : top_p,
  };
}

function compute(r) {
  r.stages = filterStages(r.logits, r.settings, r.order);
  const { kept, raw } = r.stages;
  let mass = 0;
  for (let rank = 0; rank < kept.top_p; rank += 1) mass += raw[r.order[rank]];
  const percent = (100 * mass).toFixed(1);
  const values = { n: kept.top_p, all: r.header.vocab_size, percent };
  r.find(".kept").textContent =
    say("kept {n} of {all} tokens, {percent} % of the raw probability", values);
  r.root.dataset.kept = kept.top_p;
  r.root.dataset.final = JSON.stringify(r.header.ids.map((id) => +r.stages.top_p[id].toFixed(7)));
}

// ---- words --------------------------------------------------------------------------------------

const number = (p) => (p > 0 && p < 0.00005 ? say("below 0.0001") : p.toFixed(4));

function sayBar(r) {
  const { ids, tokens, drawn } = r.header;
  const at = r.bar ?? Math.max(0, ids.indexOf(drawn));
  const id = ids[at];
  const { raw, top_p: final, kept } = r.stages;
  const gone = removedBy(kept, r.ranks[id]);
  const values = {
    token: tokens[at],
    id,
    rank: r.ranks[id] + 1,
    raw: number(raw[id]),
    final: number(final[id]),
    filter: gone,
  };
  const said = gone
    ? say("‘{token}’ (id {id}, rank {rank}): model’s probability {raw} → removed by {filter}", values)
    : say("‘{token}’ (id {id}, rank {rank}): model’s probability {raw} → after the filters {final}", values);
  r.find(".readout").textContent = id === drawn ? `${say("just drawn:")} ${said}` : said;
  Object.assign(r.root.dataset, { token: id, raw: raw[id].toFixed(7), value: final[id].toFixed(7) });
}

function sayChart(r) {
  const { ids, tokens, vocab_size } = r.header;
  const best = ids.slice(0, 3).map((id, at) => `‘${tokens[at]}’ ${r.stages.top_p[id].toFixed(2)}`);
  const values = { best: best.join(", "), n: ids.length, all: vocab_size };
  r.find(".bars").setAttribute(
    "aria-label",
    ids.length < vocab_size
      ? say("next-token probabilities (the {n} most probable of {all}): {best}", values)
      : say("next-token probabilities: {best}", values),
  );
}

function refresh(r) {
  compute(r);
  showSettings(r);
  if (!r.width) return;
  paintBars(r);
  paintPointer(r);
  sayBar(r);
  sayChart(r);
}

function pointAt(r, bar) {
  const at = Math.min(Math.max(bar, 0), r.header.ids.length - 1);
  if (at === r.bar) return;
  r.bar = at;
  paintPointer(r);
  sayBar(r);
}

function listen(r) {
  for (const input of Object.values(r.inputs)) {
    input.oninput = () => {
      readSettings(r);
      refresh(r);
    };
    input.onchange = () => r.report({ ...r.settings, epoch: r.header.epoch });
  }
  const bars = r.find(".bars");
  bars.onpointermove = bars.onpointerdown = (event) =>
    pointAt(r, Math.floor((event.offsetX - CHART.left) / r.slot));
  bars.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    pointAt(r, (r.bar ?? -1) + step);
  };
}

export default function nextToken({ data, parentElement, setStateValue }) {
  const r = recordOf(parentElement, makeRecord);
  const since = performance.now();
  r.report = (value) => setStateValue("settings", value);
  r.theme = readTheme(r.root);
  if (r.data !== data) takeData(r, data);
  const strong = parseColour(r.header.colour);
  r.colours = {
    final: strong,
    raw: mix(r.theme.background, strong, 0.28),
    removed: mix(r.theme.background, r.theme.text, 0.2),
  };
  for (const [name, colour] of Object.entries(r.colours)) {
    r.root.style.setProperty(`--${name}`, css(colour));
  }
  r.find(".drawn-key").hidden = r.header.drawn === null;
  listen(r);
  const draw = () => {
    if (mayWait(r)) return; // not in sight: the observer calls again
    refresh(r);
    if (r.width) reportPainted(r, since);
  };
  draw();
  afterFonts(r.theme, draw);
  return watch(r, draw);
}
