// Shared by all components and put in front of each one's script: messages, colours, canvases.
// One record per mounted component lives in `records`, so that the default export can run again
// (new data, another theme) without losing what the user chose.

const records = new WeakMap();

function unpack(data) {
  // [u32 header length][JSON header][body]; see wire.py.
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  header.tokens = header.tokens.map(readableToken);
  let body = bytes.subarray(4 + length);
  if (body.byteOffset % 4) body = body.slice(); // the message itself may begin anywhere
  return { header, body };
}

// ---- words ------------------------------------------------------------------------------------
// English stands in the files; a message brings what a component says in another language.

let spoken = {}; // English → the sentence, where it is another one
const SAID_ON = ["title", "aria-label", "placeholder"];

// The English `text` in the learner's language, with `values` in the places of their {names}.
function say(text, values) {
  const said = spoken[text] ?? text;
  return values ? said.replace(/\{(\w+)\}/g, (_, name) => values[name]) : said;
}

// Call it with the words of a message before anything is written: from then on `say` and what
// stands in the component's HTML are in their language; undefined: English.
function speak(root, said) {
  spoken = said ?? {};
  root.english ??= englishOf(root);
  for (const { text, write } of root.english) write(text.replace(text.trim(), say(text.trim())));
}

function englishOf(root) {
  const found = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.data.trim()) found.push({ text: node.data, write: (said) => (node.data = said) });
  }
  for (const name of SAID_ON) {
    for (const element of root.querySelectorAll(`[${name}]`)) {
      const write = (said) => element.setAttribute(name, said);
      found.push({ text: element.getAttribute(name), write });
    }
  }
  return found;
}

// ---- text ---------------------------------------------------------------------------------------

// Python sends the pictures of control characters; where no font of this browser has them, a
// box would be drawn instead, so other signs take their place.
function drawable(character) {
  const known = (drawable.known ??= new Map());
  if (!known.has(character)) known.set(character, pixelsOf(character) !== pixelsOf("\u0378"));
  return known.get(character); // U+0378 is no character, so it is always a box
}

function pixelsOf(character) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 24, height: 24 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.font = "18px monospace";
  pen.fillText(character, 2, 18);
  return pen.getImageData(0, 0, 24, 24).data.join();
}

function readableToken(token) {
  return token.replace(/[\u2400-\u2421]/g, (sign) => {
    if (drawable(sign)) return sign;
    if (sign === "\u2420") return "\u2423"; // ␣, which every font has
    const code = sign === "\u2421" ? 127 : sign.charCodeAt(0) - 0x2400;
    return `⟨${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

// Canvas text does not follow when the app's fonts arrive late: paint once more then.
function afterFonts(theme, paint) {
  const wanted = [`16px ${theme.mono}`, `16px ${theme.sans}`];
  if (wanted.every((font) => document.fonts.check(font))) return;
  Promise.all(wanted.map((font) => document.fonts.load(font))).then(paint, () => {});
}

// ---- numbers, with the sign that is as wide as a plus -----------------------------------------

const minus = (text) => (/^-0\.?0*$/.test(text) ? text.slice(1) : text.replace("-", "−"));
const fixed = (value, decimals) => minus(value.toFixed(decimals));
const short = (value) => minus(String(+value.toPrecision(3)));

// ---- one record per mounted component -------------------------------------------------------

function recordOf(parent, make) {
  let record = records.get(parent);
  if (!record) {
    record = make(parent.querySelector(".component"));
    record.generation = 0;
    records.set(parent, record);
  }
  return record;
}

// Whether painting may wait, because the component is far from the screen. `watch` paints what is
// owed when it comes near: a page of many pictures then moves as quickly as the ones in sight.
function mayWait(record) {
  record.owed = record.near === false;
  return record.owed;
}

// Calls `layout` at each change of the component's width, and when it comes near the screen with a
// picture that is owed. Returns the cleanup for Streamlit, which may arrive late, after a newer run
// has taken over: then it must do nothing.
function watch(record, layout) {
  const generation = (record.generation += 1);
  record.observer?.disconnect();
  record.sight?.disconnect();
  record.observer = new ResizeObserver(() => {
    const width = Math.floor(record.root.clientWidth);
    if (width > 0 && width !== record.width) {
      record.width = width;
      layout();
    }
  });
  record.sight = new IntersectionObserver(
    (entries) => {
      record.near = entries.at(-1).isIntersecting;
      if (record.near && record.owed) layout();
    },
    { rootMargin: "300px", scrollMargin: "300px" }, // the page scrolls in a box of its own
  );
  record.observer.observe(record.root);
  record.sight.observe(record.root);
  return () => {
    if (record.generation !== generation) return;
    record.observer.disconnect();
    record.sight.disconnect();
  };
}

// ---- colours: all come from the app's theme, so dark and light both work --------------------

function parseColour(text) {
  const context = (parseColour.context ??= Object.assign(document.createElement("canvas"), {
    width: 1,
    height: 1,
  }).getContext("2d", { willReadFrequently: true }));
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = "#808080";
  context.fillStyle = text;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

const luminance = ([r, g, b]) => (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;
const mix = (a, b, t) => a.map((x, i) => Math.round(x + (b[i] - x) * t));

function readTheme(root) {
  const style = getComputedStyle(root);
  const pick = (name, fallback) =>
    parseColour(style.getPropertyValue(`--st-${name}`).trim() || fallback);
  const background = pick("background-color", "#ffffff");
  const dark = luminance(background) < 0.5;
  const text = pick("text-color", dark ? "#fafafa" : "#31333f");
  root.classList.toggle("dark", dark);
  return {
    dark,
    background,
    text,
    primary: pick("primary-color", "#ff4b4b"),
    panel: pick("secondary-background-color", dark ? "#262730" : "#f0f2f6"),
    quiet: mix(background, text, 0.62),
    line: mix(background, text, 0.25),
    ramp: dark ? RAMPS.dark : RAMPS.light,
    sans: style.fontFamily,
    mono: style.getPropertyValue("--st-code-font").trim() || "monospace",
  };
}

// One hue family whose lightness moves steadily away from the page: small weights are near the
// background, large ones far from it, in both themes.
const RAMPS = {
  light: ["#eff4fb", "#d3e3f3", "#a8cfe5", "#6fb1d6", "#4292c6", "#2171b5", "#08519c", "#082a5e"],
  dark: ["#17202c", "#1c3a5a", "#1f5886", "#2879a9", "#4a9dbd", "#84c2c6", "#c2e0c6", "#fbf8cf"],
};
for (const name of Object.keys(RAMPS)) {
  RAMPS[name] = RAMPS[name].map((hex) =>
    [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)),
  );
}

function rampColour(ramp, fraction) {
  const place = Math.min(Math.max(fraction, 0), 1) * (ramp.length - 1);
  const low = Math.min(Math.floor(place), ramp.length - 2);
  return mix(ramp[low], ramp[low + 1], place - low);
}

const readableOn = (colour) => (luminance(colour) > 0.45 ? "#10141c" : "#ffffff");

// ---- canvases ------------------------------------------------------------------------------

function sizeCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

function pixelCanvas(width, height, rgba) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const bytes = new Uint8ClampedArray(rgba.buffer, rgba.byteOffset, rgba.byteLength);
  canvas.getContext("2d").putImageData(new ImageData(bytes, width, height), 0, 0);
  return canvas;
}

// A colour as one little endian RGBA number, for Uint32 views of pixels.
const rgba32 = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

function hatch(context, theme) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.fillStyle = css(theme.panel);
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = css(mix(theme.background, theme.text, 0.28));
  pen.lineWidth = 1;
  for (const shift of [-8, 0, 8]) {
    pen.beginPath();
    pen.moveTo(shift, 8);
    pen.lineTo(shift + 8, 0);
    pen.stroke();
  }
  return context.createPattern(tile, "repeat");
}

// Two frames later what was drawn is on the screen: says so on the root element, for tests.
function reportPainted(record, since) {
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      record.root.dataset.paintedMs = (performance.now() - since).toFixed(1);
      record.root.dataset.paints = Number(record.root.dataset.paints ?? 0) + 1;
      record.root.dataset.ready = "true";
    }),
  );
}
