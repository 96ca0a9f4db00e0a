// Painting of the next-token bars: a record in, pixels out. No events here.

const CHART = { left: 46, top: 20, height: 220 };
const FLOOR = CHART.top + CHART.height;

function ceiling(value) {
  return [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8].find((step) => value <= step) ?? 1;
}

function paintBars(r) {
  const { ids, tokens, drawn } = r.header;
  const { raw, top_p: final, kept } = r.stages;
  const slot = Math.min(48, (r.width - CHART.left - 4) / ids.length);
  let highest = 0;
  for (const id of ids) highest = Math.max(highest, raw[id], final[id]);
  const top = ceiling(highest);
  r.slot = slot;
  r.turned = slot >= 8.5 && Math.max(...tokens.map((token) => token.length)) * 8 > slot;
  r.total = FLOOR + (r.turned ? 84 : 26);
  const pen = sizeCanvas(r.base, r.width, r.total);
  paintGrid(r, pen, top);
  const height = (p) => (p / top) * CHART.height;
  const labelled = slot >= 8.5;
  ids.forEach((id, at) => {
    const x = CHART.left + at * slot;
    const gone = removedBy(kept, r.ranks[id]) !== null;
    const wide = Math.max(slot - (slot > 5 ? 2 : 0.5), 1);
    const full = height(raw[id]);
    pen.fillStyle = css(gone ? r.colours.removed : r.colours.raw);
    pen.fillRect(x, FLOOR - full, wide, full);
    if (!gone) {
      if (slot > 5) {
        pen.strokeStyle = css(r.colours.final);
        pen.strokeRect(x + 0.5, FLOOR - full + 0.5, wide - 1, Math.max(full - 1, 0));
      }
      const solid = Math.max(height(final[id]), 1);
      const thin = slot > 5 ? wide * 0.5 : wide * 0.7;
      pen.fillStyle = css(r.colours.final);
      pen.fillRect(x + (wide - thin) / 2, FLOOR - solid, thin, solid);
    }
    if (id === drawn) paintDrawn(r, pen, x + wide / 2, FLOOR - height(Math.max(raw[id], final[id])));
    if (labelled) paintToken(r, pen, tokens[at], x + wide / 2, gone, id === drawn);
  });
}

function paintGrid(r, pen, top) {
  pen.font = `12px ${r.theme.sans}`;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (let line = 0; line <= 5; line += 1) {
    const y = CHART.top + CHART.height * (1 - line / 5);
    pen.fillStyle = css(r.theme.quiet);
    pen.fillText(`${+((100 * top * line) / 5).toFixed(2)} %`, CHART.left - 6, y);
    pen.fillStyle = css(r.theme.line, line ? 0.5 : 1);
    pen.fillRect(CHART.left, y, r.width - CHART.left, 1);
  }
}

function paintDrawn(r, pen, x, y) {
  pen.fillStyle = css(r.theme.primary);
  pen.beginPath();
  pen.moveTo(x - 6, y - 13);
  pen.lineTo(x + 6, y - 13);
  pen.lineTo(x, y - 3);
  pen.fill();
}

function paintToken(r, pen, token, x, gone, drawn) {
  const size = Math.max(10, Math.min(r.turned ? 14 : 16, r.slot * 1.25));
  pen.font = `${drawn ? "bold " : ""}${size}px ${r.theme.mono}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = css(drawn ? r.theme.primary : gone ? mix(r.theme.background, r.theme.text, 0.45) : r.theme.text);
  if (!r.turned) {
    pen.fillText(token, x, FLOOR + 13);
    return;
  }
  pen.save(); // long tokens stand upright, read from below
  pen.translate(x, FLOOR + 5);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "right";
  pen.fillText(token.length > 9 ? `${token.slice(0, 8)}…` : token, 0, 0);
  pen.restore();
}

function paintPointer(r) {
  const pen = sizeCanvas(r.over, r.width, r.total);
  if (r.bar === null) return;
  pen.fillStyle = css(r.theme.text, 0.12);
  pen.fillRect(CHART.left + r.bar * r.slot - 1, CHART.top, Math.max(r.slot, 3), r.total - CHART.top);
}
