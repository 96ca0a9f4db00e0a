// Painting of the terms: a record in, pixels or a drawing out. No events here.

const TERMS = { left: 76, right: 66, height: 288, labels: 277 };
const STRIPS = {
  factors: { top: 8, tall: 82 },
  products: { top: 106, tall: 82 },
  sums: { top: 204, tall: 60 },
};

const slotOf = (r) => (r.width - 4 - TERMS.left - TERMS.right) / r.header.size;

// How a strip shows numbers: from the smallest to the largest of them, and always 0.
function stripOf({ top, tall }, values) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const unit = tall / (high - low || 1);
  return { top, tall, low, high, y: (value) => top + (high - value) * unit };
}

function drawTerms(r, pen) {
  const factors = r.order.map((d) => [queryAt(r, d), keyAt(r, d)]);
  const products = r.order.map((d) => r.terms[d]);
  const slot = slotOf(r);
  const grey = css(mix(r.theme.background, r.theme.text, 0.7));
  const both = stripOf(STRIPS.factors, factors.flat());
  drawStrip(r, pen, both, [[say("query q"), r.colours.query], [say("key k"), r.colours.key]]);
  const thick = slot * 0.43;
  factors.forEach((pair, at) => {
    const x = TERMS.left + (at + 0.07) * slot;
    drawBar(pen, both, x, thick, pair[0], r.colours.query);
    drawBar(pen, both, x + thick, thick, pair[1], r.colours.key);
  });
  const middle = stripOf(STRIPS.products, products);
  drawStrip(r, pen, middle, [["q × k", grey]]);
  const gap = Math.min(1, slot * 0.15);
  products.forEach((term, at) => {
    drawBar(pen, middle, TERMS.left + at * slot + gap / 2, slot - gap, term, grey);
  });
  const last = stripOf(STRIPS.sums, r.sums);
  drawStrip(r, pen, last, [[say("sum so far"), css(r.theme.text)]]);
  drawStairs(r, pen, last, slot);
  drawPlaces(r, pen, slot);
}

function drawBar(pen, strip, x, thick, value, colour) {
  const [zero, end] = [strip.y(0), strip.y(value)];
  pen.fillStyle = colour;
  pen.fillRect(x, Math.min(zero, end), thick, Math.max(Math.abs(end - zero), 0.5));
}

// The line of 0, the names at the left and the ends of the scale at the right.
function drawStrip(r, pen, strip, names) {
  const right = r.width - 4 - TERMS.right;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.font = `bold 12px ${r.theme.sans}`;
  names.forEach(([name, colour], at) => {
    pen.fillStyle = colour;
    pen.fillText(name, 0, strip.top + 6 + 16 * at);
  });
  pen.fillStyle = css(r.theme.line);
  pen.fillRect(TERMS.left, strip.y(0) - 0.5, right - TERMS.left, 1);
  pen.font = `11px ${r.theme.sans}`;
  pen.fillStyle = css(r.theme.quiet);
  if (strip.high) pen.fillText(short(strip.high), right + 6, strip.top + 4);
  if (strip.low) pen.fillText(short(strip.low), right + 6, strip.top + strip.tall - 4);
}

function drawStairs(r, pen, strip, slot) {
  pen.strokeStyle = css(r.theme.text);
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(TERMS.left, strip.y(0));
  r.sums.forEach((sum, at) => {
    pen.lineTo(TERMS.left + at * slot, strip.y(sum));
    pen.lineTo(TERMS.left + (at + 1) * slot, strip.y(sum));
  });
  pen.stroke();
}

// The numbers of the places: every n-th where they follow each other, else all or none.
function drawPlaces(r, pen, slot) {
  const step = Math.ceil(20 / slot);
  pen.font = `11px ${r.theme.sans}`;
  pen.fillStyle = css(r.theme.quiet);
  pen.textAlign = "left";
  pen.fillText("d", 0, TERMS.labels);
  if (r.bySize && step > 1) return;
  pen.textAlign = "center";
  r.order.forEach((d, at) => {
    if (at % step === 0) pen.fillText(String(d), TERMS.left + (at + 0.5) * slot, TERMS.labels);
  });
}

function paintTerms(r) {
  drawTerms(r, sizeCanvas(r.base, r.width - 4, TERMS.height));
  paintTerm(r);
}

// The term that is pointed at, on the upper canvas.
function paintTerm(r) {
  const pen = sizeCanvas(r.over, r.width - 4, TERMS.height);
  if (r.d === null) return;
  const slot = slotOf(r);
  const wide = Math.max(slot, 3);
  pen.fillStyle = css(r.theme.text, 0.14);
  pen.fillRect(TERMS.left + (r.order.indexOf(r.d) + 0.5) * slot - wide / 2, 0, wide, TERMS.height);
}

function termPicture(r) {
  // The strips as on the screen under a heading, without what the pointer shows.
  const heading = 60;
  const draw = (pen) => {
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillStyle = css(r.theme.text);
    pen.font = `bold 16px ${r.theme.sans}`;
    pen.fillText(`${r.header.title}: ${say("{query} asks, {key} answers", pairNames(r))}`, 12, 18);
    pen.font = `13px ${r.theme.sans}`;
    pen.fillText(scoreInWords(r), 12, 42);
    pen.save();
    pen.translate(12, heading);
    drawTerms(r, pen);
    pen.restore();
  };
  return [Math.max(r.width + 24, 560), TERMS.height + heading + 12, draw];
}
