// What can be taken away: the chosen head and all heads as pictures, the chosen head as a table.

const MARGIN = 12;
const HEADING = 64;

function headPicture(r) {
  // The view on the screen with its title and scale, without what the pointer shows.
  const [width, height] = zoomSize(r);
  const least = r.view === "lines" ? 620 : 460; // the heading needs so much
  return [Math.max(width + 2 * MARGIN, least), height + HEADING + MARGIN, (pen) => drawPicture(r, pen)];
}

function drawPicture(r, pen) {
  const label = labelOf(r, headIndex(r));
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillStyle = css(r.theme.text);
  pen.font = `bold 16px ${r.theme.sans}`;
  const title = say("{head}: attention weights", { head: headName(r) });
  pen.fillText(title + (label && ` (${label})`), MARGIN, 18);
  pen.font = `13px ${r.theme.sans}`;
  pen.fillText("0", MARGIN, 42);
  pen.drawImage(r.scaleCanvas, 26, 35, 130, 14);
  const legend = [r.rootContrast ? say("colour: square root of the weight") : say("colour: weight")];
  const part = Math.round(r.share * 100);
  if (r.view === "lines") legend.push(say("the strongest until {part} % of each row", { part }));
  pen.fillText(`1   (${legend.join("; ")})`, 162, 42);
  pen.save();
  pen.translate(MARGIN, HEADING);
  drawHead(r, pen);
  pen.restore();
}

function atlasPicture(r) {
  const { width, height } = r.atlas;
  const draw = (pen) => {
    pen.save();
    pen.translate(MARGIN, MARGIN);
    drawAtlas(r, pen);
    pen.restore();
  };
  return [width + 2 * MARGIN, height + 2 * MARGIN, draw];
}

// Rows of a table: each pair that is not masked, with how far the weight can be off.
function headTable(r) {
  const { tokens, time } = r.header;
  const rows = [["query", "query token", "key", "key token", "weight", "plus or minus"]];
  for (let i = 0; i < time; i += 1) {
    for (let j = 0; j < rowEnd(r, i); j += 1) {
      const off = precision(r, levelAt(r, i, j));
      rows.push([i, tokens[i], j, tokens[j], +weightAt(r, i, j).toFixed(6), +off.toFixed(6)]);
    }
  }
  return rows;
}

function listenToSaves(r) {
  const name = (ending, ...words) => fileName(ending, "attention", ...words);
  const number = () => `layer ${r.selected.layer + 1} head ${r.selected.head + 1}`;
  const head = (ending) => name(ending, r.view === "lines" && "lines", number());
  const paper = r.find(".paper");
  r.find(".save").onclick = () => savePng(r.theme, ...headPicture(r), head("png"));
  r.find(".save-svg").onclick = () => saveSvg(paper, r.theme, ...headPicture(r), head("svg"));
  r.find(".save-csv").onclick = () => saveCsv(headTable(r), name("csv", number()));
  r.find(".atlas-png").onclick = () => savePng(r.theme, ...atlasPicture(r), name("png", "all-heads"));
  r.find(".atlas-svg").onclick = () => saveSvg(paper, r.theme, ...atlasPicture(r), name("svg", "all-heads"));
}
