// What the chosen query, key and term say in words, on the screen and as a table.

const SPELLED = 3; // terms of a sum, the largest ones
// Milliseconds after the last change until the choosers say it: one of 1024 tokens costs the browser
// 6 ms of layout, which a moving pointer cannot wait for.
const REST = 80;

// Decimals that show `digits` digits of a number of this size: smaller ones beside it get as many.
function decimalsOf(size, digits) {
  if (!size) return digits - 1;
  return Math.min(Math.max(digits - 1 - Math.floor(Math.log10(Math.abs(size))), 0), 12);
}

const positionName = (r, at) => `‘${r.header.tokens[at]}’ (${at})`;
const pairNames = (r) => ({ query: positionName(r, r.i), key: positionName(r, r.j) });
const weightName = (p) => (p > 0 && p < 0.00005 ? say("below 0.0001") : p.toFixed(4));

// "3.84 − 3.80 − 3.77 + … (61 smaller terms)"
function termsInWords(r) {
  const decimals = decimalsOf(r.terms[r.largest[0]], 3);
  const shown = r.largest.slice(0, SPELLED).map((d, at) => {
    const said = fixed(r.terms[d], decimals);
    if (!at) return said;
    return said.startsWith("−") ? ` − ${said.slice(1)}` : ` + ${said}`;
  });
  const more = r.terms.length - shown.length;
  if (!more) return shown.join("");
  const smaller = more > 1 ? say("{n} smaller terms", { n: more }) : say("1 smaller term");
  return `${shown.join("")} + … (${smaller})`;
}

// The sum is rounded to what is true of it: where terms cancel, float32 has fewer digits left.
function scoreInWords(r) {
  const { scale } = r.header;
  const size = Math.max(Math.abs(r.total), Math.abs(r.terms[r.largest[0]]));
  const sum = `q·k = ${fixed(r.total, decimalsOf(size, 5))} = ${termsInWords(r)}`;
  if (scale === 1) return sum;
  const factor = fixed(scale, decimalsOf(scale, 4));
  return `${sum}; × ${factor} = ${fixed(r.total * scale, decimalsOf(size * scale, 5))}`;
}

function sentenceOf(r) {
  const values = { ...pairNames(r), score: scoreInWords(r), n: seenBy(r, r.i) };
  if (masked(r, r.i, r.j)) {
    return say("{query} asks, {key} answers: {score}; but the key is in the future: its score is set to −∞, so its weight is 0.", values);
  }
  values.weight = weightName(weightOf(r, r.i, r.j));
  return values.n > 1
    ? say("{query} asks, {key} answers: {score}; softmax over the {n} keys it sees makes it {weight}.", values)
    : say("{query} asks, {key} answers: {score}; softmax over the one key it sees makes it {weight}.", values);
}

function termInWords(r) {
  if (r.d === null) return say("Point at a bar: its index d and its three numbers.");
  const [q, k, term, sum] = [
    queryAt(r, r.d), keyAt(r, r.d), r.terms[r.d], r.sums[r.order.indexOf(r.d)],
  ].map((value) => fixed(value, 2));
  return say("d = {d}: q {q} × k {k} = {term}; the sum up to here is {sum}.", { d: r.d, q, k, term, sum });
}

function sayPair(r) {
  r.find(".title").textContent = r.header.title;
  r.find(".sentence").textContent = sentenceOf(r);
  clearTimeout(r.resting);
  r.resting = setTimeout(() => sayChoosers(r), REST);
  r.find(".by-place").setAttribute("aria-pressed", !r.bySize);
  r.find(".by-size").setAttribute("aria-pressed", r.bySize);
  r.find(".bars").setAttribute(
    "aria-label",
    say("{title}: the {size} terms of {query} and {key}; arrow keys read them", {
      ...pairNames(r),
      ...r.header,
    }),
  );
  Object.assign(r.root.dataset, {
    query: r.i,
    key: r.j,
    product: r.total,
    score: masked(r, r.i, r.j) ? "masked" : r.total * r.header.scale,
    weight: weightOf(r, r.i, r.j),
  });
}

function sayChoosers(r) {
  [r.find(".query").selectedIndex, r.find(".key").selectedIndex] = [r.i, r.j];
}

function sayTerm(r) {
  r.find(".term").textContent = termInWords(r);
  r.root.dataset.d = r.d ?? "";
}

// Rows of a table: the terms in the order that is shown.
function termTable(r) {
  const rows = r.order.map((d, at) => [d, queryAt(r, d), keyAt(r, d), r.terms[d], r.sums[at]]);
  return [["d", "query", "key", "product", "sum so far"], ...rows];
}
