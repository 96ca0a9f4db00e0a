// The order of the small pictures, their captions, and which are faded: all by the scores.
// `order`: the head at each place of the atlas, row after row; `least`: fade below, null: none.

const nameOf = (r, head) =>
  `${Math.floor(head / r.header.heads) + 1}.${(head % r.header.heads) + 1}`;
const headIndex = (r) => r.selected.layer * r.header.heads + r.selected.head;
const sorted = (r) => r.strongestFirst && r.header.scores !== null;
const captioned = (r) => r.header.labels !== null || r.header.scores !== null;

function orderHeads(r) {
  const { layers, heads, scores } = r.header;
  r.order = Array.from({ length: layers * heads }, (_, head) => head);
  const score = (head) => scores[head] ?? -Number.MAX_VALUE; // no score: last
  if (sorted(r)) r.order.sort((a, b) => score(b) - score(a) || a - b);
}

// Label and score of a head in words: "previous 0.91", "induction 0.42", or nothing.
function labelOf(r, head) {
  const { labels, scores } = r.header;
  if (labels) return labels[head];
  return scores && scores[head] !== null ? decimal(scores[head]) : "";
}

// What stands under the small pictures: the longest words that all of them have room for.
function captionsWithin(r, pen, width) {
  const { captions, layers, heads } = r.header;
  const named = (words) => (head) => (sorted(r) ? `${nameOf(r, head)} ${words(head)}` : words(head));
  const forms = [(head) => labelOf(r, head), captions && ((head) => captions[head]), () => ""];
  const all = forms.filter(Boolean).map((words) => Array.from({ length: layers * heads }, (_, head) => named(words)(head)));
  return all.find((texts) => texts.every((text) => pen.measureText(text).width <= width)) ?? all.at(-1);
}

const decimal = (x) => {
  const digits = Math.abs(x) >= 100 ? x.toFixed(0) : x.toFixed(2);
  return Number(digits) === 0 ? "0.00" : digits; // never "-0.00"
};

function scoreEnds(r) {
  const known = r.header.scores.filter((score) => score !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : [0, 0];
}

function faded(r, head) {
  if (r.least === null || !r.header.scores) return false;
  const score = r.header.scores[head];
  return score === null || score < r.least;
}

// New scores: the threshold stays where it can still be.
function takeScores(r) {
  r.find(".order").hidden = !r.header.scores || r.header.scores.length === 1;
  if (!r.header.scores) return;
  const [low, high] = scoreEnds(r);
  if (r.least !== null) r.least = Math.min(Math.max(r.least, low), high);
  if (r.least === low) r.least = null;
}

function sayOrder(r) {
  const { scores, score_name: name } = r.header;
  if (!scores) return;
  const [low, high] = scoreEnds(r);
  const kept = scores.filter((_, head) => !faded(r, head)).length;
  const input = r.find(".least");
  Object.assign(input, { min: 0, max: 100, step: 1, disabled: low === high });
  input.value = r.least === null ? 0 : Math.round((100 * (r.least - low)) / (high - low));
  input.setAttribute("aria-valuetext", `${name} ${decimal(r.least ?? low)}`);
  r.find(".fade").textContent = say("fade heads below {score}", { score: name });
  r.find(".by-score").title = say("by {score}, highest first", { score: name });
  r.find(".by-layer").setAttribute("aria-pressed", !r.strongestFirst);
  r.find(".by-score").setAttribute("aria-pressed", r.strongestFirst);
  const values = { least: decimal(r.least ?? low), kept, all: scores.length };
  r.find(".kept").textContent = say("{least}: {kept} of {all} heads stand out", values);
  Object.assign(r.root.dataset, { order: r.order.map((head) => nameOf(r, head)), kept });
}

function fadeBelow(r, percent) {
  const [low, high] = scoreEnds(r);
  r.least = percent > 0 ? low + ((high - low) * percent) / 100 : null;
  sayOrder(r);
  paintAtlas(r);
  paintChosenHead(r);
}
