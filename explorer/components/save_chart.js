// The chart above, taken from the page as Vega has drawn it.

const PATIENCE = 50; // times that a chart which is not drawn yet is looked for
const PAUSE = 100; // milliseconds between them

async function drawnChart(place) {
  for (let tries = 0; tries < PATIENCE; tries += 1) {
    const found = document.querySelector(`.${place} svg.marks`);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return null;
}

// A copy that stands alone, on the theme's background, in colours that every program knows.
async function chartDrawing(place, theme) {
  const found = await drawnChart(place);
  if (!found) return null;
  const drawing = found.cloneNode(true);
  drawing.removeAttribute("style");
  for (const name of ["fill", "stroke"]) {
    for (const part of drawing.querySelectorAll(`[${name}=transparent]`)) part.setAttribute(name, "none");
  }
  const paper = document.createElementNS(drawing.namespaceURI, "rect");
  const { width, height } = drawing.viewBox.baseVal;
  const sides = { width, height, ...paint("fill", css(theme.background)) };
  for (const [name, value] of Object.entries(sides)) paper.setAttribute(name, value);
  drawing.prepend(paper);
  return drawing;
}

async function saveChartPng(drawing, theme, name) {
  const { width, height } = drawing.viewBox.baseVal;
  const image = new Image();
  image.src = URL.createObjectURL(drawingBlob(drawing));
  await image.decode();
  savePng(theme, width, height, (pen) => pen.drawImage(image, 0, 0, width, height), name);
  URL.revokeObjectURL(image.src);
}

export default function saveChart({ data, parentElement }) {
  const root = parentElement.querySelector(".component");
  const { place, name, rows } = data;
  speak(root, data.words);
  root.querySelector(".save-svg").onclick = async () => {
    const drawing = await chartDrawing(place, readTheme(root));
    if (drawing) saveBlob(drawingBlob(drawing), fileName("svg", name));
  };
  root.querySelector(".save").onclick = async () => {
    const theme = readTheme(root);
    const drawing = await chartDrawing(place, theme);
    if (drawing) saveChartPng(drawing, theme, fileName("png", name));
  };
  root.querySelector(".save-csv").onclick = () => saveCsv(rows, fileName("csv", name));
  root.dataset.ready = "true";
}
