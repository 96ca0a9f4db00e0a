// Files made in the browser: pictures of pixels (PNG), drawings (SVG), tables (CSV).
// `svgPen` has the methods of a canvas pen that the components use, so the same code draws both.

function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// draw(pen) fills width × height; twice the pixels, since a picture is looked at more closely.
function savePng(theme, width, height, draw, name) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.ceil(width * 2), Math.ceil(height * 2)];
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);
  pen.fillStyle = css(theme.background);
  pen.fillRect(0, 0, width, height);
  draw(pen);
  canvas.toBlob((blob) => saveBlob(blob, name));
}

// paper: an svg element of the page; its namespace is what makes the new elements a drawing.
function saveSvg(paper, theme, width, height, draw, name) {
  const pen = svgPen(paper.namespaceURI, width, height);
  pen.fillStyle = css(theme.background);
  pen.fillRect(0, 0, width, height);
  draw(pen);
  saveBlob(drawingBlob(pen.drawing), name);
}

// An svg element as a file.
function drawingBlob(drawing) {
  const text = new XMLSerializer().serializeToString(drawing);
  return new Blob([text], { type: "image/svg+xml" });
}

// rows: arrays of numbers and texts, the first one names.
function saveCsv(rows, name) {
  const lines = rows.map((row) => row.map(csvField).join(","));
  saveBlob(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv;charset=utf-8" }), name);
}

function csvField(value) {
  if (typeof value === "number") return String(value);
  // A spreadsheet would take these for formulas; an apostrophe says that they are text.
  const text = /^[=+\-@].|^'/s.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}

// fileName("png", "attention", "layer 1 head 2") -> "attention-layer-1-head-2.png"
function fileName(ending, ...words) {
  const plain = words.filter(Boolean).join("-").toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
  const name = plain.replace(/[^a-z0-9]+/g, "-");
  return `${name.replace(/^-+|-+$/g, "")}.${ending}`;
}

// ---- a pen that writes SVG ------------------------------------------------------------------

function svgPen(namespace, width, height) {
  const make = (name, attributes) => {
    const element = document.createElementNS(namespace, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const drawing = make("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  const measure = document.createElement("canvas").getContext("2d");
  const stack = [];
  let place = new DOMMatrix();
  let path = "";
  const short = (x) => String(+x.toFixed(2));
  const pen = { drawing, font: "12px sans-serif", fillStyle: "#000000", strokeStyle: "#000000" };
  Object.assign(pen, { lineWidth: 1, globalAlpha: 1, textAlign: "left", textBaseline: "middle" });
  const kept = Object.keys(pen);

  function add(element) {
    if (!place.isIdentity) element.setAttribute("transform", place.toString());
    if (pen.globalAlpha < 1) element.setAttribute("opacity", pen.globalAlpha);
    drawing.append(element);
    return element;
  }
  const box = (x, y, w, h) => ({ x: short(x), y: short(y), width: short(w), height: short(h) });
  const stroke = () => ({ fill: "none", ...paint("stroke", pen.strokeStyle), "stroke-width": short(pen.lineWidth) });

  return Object.assign(pen, {
    measureText(text) {
      measure.font = pen.font;
      return measure.measureText(text);
    },
    save: () => stack.push([place, Object.fromEntries(kept.map((key) => [key, pen[key]]))]),
    restore() {
      const [before, values] = stack.pop();
      place = before;
      Object.assign(pen, values);
    },
    translate: (x, y) => (place = place.translate(x, y)),
    rotate: (angle) => (place = place.rotate((angle * 180) / Math.PI)),
    fillRect: (x, y, w, h) => add(make("rect", { ...box(x, y, w, h), ...paint("fill", pen.fillStyle) })),
    strokeRect: (x, y, w, h) => add(make("rect", { ...box(x, y, w, h), ...stroke() })),
    fillText(text, x, y) {
      const anchor = { left: "start", center: "middle", right: "end" }[pen.textAlign];
      const dy = pen.textBaseline === "middle" ? "0.35em" : "0"; // understood by every program
      const element = make("text", { x: short(x), y: short(y), dy, "text-anchor": anchor, ...paint("fill", pen.fillStyle) });
      element.style.font = pen.font;
      element.textContent = text;
      add(element);
    },
    beginPath: () => (path = ""),
    moveTo: (x, y) => (path += `M${short(x)} ${short(y)}`),
    lineTo: (x, y) => (path += `L${short(x)} ${short(y)}`),
    stroke: () => add(make("path", { d: path, ...stroke() })),
    drawImage: (canvas, x, y, w, h) => add(make("image", { ...box(x, y, w, h), href: enlarged(canvas), preserveAspectRatio: "none" })),
    createPattern: (tile) => hatchPattern(drawing, make, tile),
  });
}

// The app's colours as every program knows them: a hex colour and an opacity.
function paint(name, colour) {
  const found = /^rgb\((\d+) (\d+) (\d+) \/ ([\d.]+)\)$/.exec(colour);
  if (!found) return { [name]: colour };
  const hex = found.slice(1, 4).map((part) => Number(part).toString(16).padStart(2, "0"));
  const alpha = Number(found[4]);
  return { [name]: `#${hex.join("")}`, ...(alpha < 1 && { [`${name}-opacity`]: alpha }) };
}

// Pixels as blocks of their own colour, which no program can blur.
function enlarged(canvas) {
  const times = Math.max(1, Math.round(1024 / canvas.width));
  const large = document.createElement("canvas");
  [large.width, large.height] = [canvas.width * times, canvas.height * times];
  const pen = large.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(canvas, 0, 0, large.width, large.height);
  return large.toDataURL("image/png");
}

function hatchPattern(drawing, make, tile) {
  const size = { width: tile.width, height: tile.height };
  const pattern = make("pattern", { id: "hatch", patternUnits: "userSpaceOnUse", ...size });
  pattern.append(make("image", { ...size, href: tile.toDataURL("image/png") }));
  drawing.append(pattern);
  return "url(#hatch)";
}
