// The strip as a picture, with all its tokens, and as a table.

const LINE = 30;
const MARGIN = 12;
const HEADING = 40;

// Where each token stands on lines of this width; a newline in a token ends its line.
function layOutTokens(r, pen, width) {
  const breaks = new Set(r.header.breaks);
  let [x, y] = [0, 0];
  return r.header.tokens.map((token, at) => {
    const wide = Math.ceil(pen.measureText(token).width) + 5;
    if (x > 0 && x + wide > width) [x, y] = [0, y + LINE];
    const place = { x, y, width: wide };
    x += wide + 2;
    if (breaks.has(at)) [x, y] = [0, y + LINE];
    return place;
  });
}

function stripPicture(r) {
  const width = Math.max(r.find(".text").clientWidth, 420);
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = `16px ${r.theme.mono}`;
  const places = layOutTokens(r, measure, width);
  const height = HEADING + LINE * (1 + (places.at(-1)?.y ?? 0) / LINE) + MARGIN;
  return [width + 2 * MARGIN, height, (pen) => drawStrip(r, pen, places)];
}

function drawStrip(r, pen, places) {
  const { range, label, tokens } = r.header;
  pen.textBaseline = "middle";
  pen.fillStyle = css(r.theme.text);
  pen.font = `13px ${r.theme.sans}`;
  const count = r.find(".count").textContent;
  const [low, high] = (range ?? []).map((end) => +end.toFixed(2));
  const coloured = range && say("{label}, colour from {low} to {high}", { label, low, high });
  pen.fillText(range ? `${count}: ${coloured}` : count, MARGIN, 18);
  pen.font = `16px ${r.theme.mono}`;
  places.forEach(({ x, y, width }, at) => {
    const style = getComputedStyle(r.spans[at]); // as it is on the screen, in either theme
    if (style.backgroundColor !== "rgba(0, 0, 0, 0)") {
      pen.fillStyle = css(parseColour(style.backgroundColor)); // a mixed one is known to browsers only
      pen.fillRect(MARGIN + x, HEADING + y, width, LINE - 5);
    }
    pen.fillStyle = css(parseColour(style.color));
    pen.fillText(tokens[at], MARGIN + x + 2.5, HEADING + y + LINE / 2 - 2);
    if (at !== shownSelection(r)) return;
    pen.strokeStyle = css(r.theme.text);
    pen.lineWidth = 2;
    pen.strokeRect(MARGIN + x, HEADING + y, width, LINE - 5);
  });
}

function stripTable(r) {
  const { ids, tokens, label, range } = r.header;
  const rows = tokens.map((token, at) => {
    const row = [at, ids[at], token];
    if (range) row.push(Number.isNaN(r.values[at]) ? "" : +r.values[at].toFixed(6));
    return row;
  });
  return [["position", "id", "token", ...(range ? [label] : [])], ...rows];
}

function listenToSaves(r) {
  const name = (ending) => fileName(ending, "tokens", r.header.range && r.header.label);
  r.find(".save").onclick = () => savePng(r.theme, ...stripPicture(r), name("png"));
  r.find(".save-svg").onclick = () => saveSvg(r.find(".paper"), r.theme, ...stripPicture(r), name("svg"));
  r.find(".save-csv").onclick = () => saveCsv(stripTable(r), name("csv"));
}
