// What a query and a key make: terms, their sum, and what softmax makes of it. No pixels here.

// Terms and sum of query i and key j; the browser counts in float64, so only the factors are rounded.
function termsOf(r, i, j) {
  const { size } = r.header;
  const terms = new Float64Array(size);
  for (let d = 0; d < size; d += 1) terms[d] = r.queries[i * size + d] * r.keys[j * size + d];
  return terms;
}

const sumOf = (terms) => terms.reduce((sum, term) => sum + term, 0);
const masked = (r, i, j) => r.header.causal && j > i;
const seenBy = (r, i) => (r.header.causal ? i + 1 : r.header.time);

// The scaled scores of query i with every key that it sees, kept until another query is asked for.
function scoresOf(r, i) {
  if (r.row?.i === i) return r.row;
  const { queries, keys, header } = r;
  const { size, scale } = header;
  const scores = new Float64Array(seenBy(r, i));
  for (let j = 0; j < scores.length; j += 1) {
    let sum = 0;
    for (let d = 0; d < size; d += 1) sum += queries[i * size + d] * keys[j * size + d];
    scores[j] = sum * scale;
  }
  let best = 0;
  scores.forEach((score, j) => {
    if (score > scores[best]) best = j;
  });
  const total = scores.reduce((sum, score) => sum + Math.exp(score - scores[best]), 0);
  r.row = { i, scores, best, total };
  return r.row;
}

function weightOf(r, i, j) {
  if (masked(r, i, j)) return 0;
  const { scores, best, total } = scoresOf(r, i);
  return Math.exp(scores[j] - scores[best]) / total;
}

// Sets what the pair (r.i, r.j) makes: `terms`, `total`, `largest` (the places d, the largest term
// first), `order` (the places as they are drawn) and `sums` (the sum so far, in that order).
function meet(r) {
  r.terms = termsOf(r, r.i, r.j);
  r.total = sumOf(r.terms);
  const places = [...r.terms.keys()];
  r.largest = [...places].sort((a, b) => Math.abs(r.terms[b]) - Math.abs(r.terms[a]) || a - b);
  r.order = r.bySize ? r.largest : places;
  let sum = 0;
  r.sums = r.order.map((d) => (sum += r.terms[d]));
}

const queryAt = (r, d) => r.queries[r.i * r.header.size + d];
const keyAt = (r, d) => r.keys[r.j * r.header.size + d];
