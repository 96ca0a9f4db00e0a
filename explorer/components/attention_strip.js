// The text below the map, coloured by where one position looks. Its geometry: `strip`, per token.

const LINE = 27;

function layOutStrip(r) {
  const pen = r.stripCanvas.getContext("2d");
  pen.font = `16px ${r.theme.mono}`;
  let x = 0;
  let y = 0;
  r.strip = r.header.tokens.map((token) => {
    const width = Math.ceil(pen.measureText(token).width) + 4;
    if (x + width > r.width - 4 && x > 0) [x, y] = [0, y + LINE];
    const place = { x, y: y + 2, width, height: LINE - 4 };
    x += width + 1;
    return place;
  });
  sizeCanvas(r.stripCanvas, r.width - 4, y + LINE);
  // Writing text is slow: each ink is written once, a row of weights then only copies letters.
  const ramp = Array.from({ length: 1024 }, (_, n) => rampColour(r.theme.ramp, shade(r, n / 1023)));
  r.shades = ramp.map((colour) => css(colour));
  r.inks = ramp.map((colour) => readableOn(colour));
  r.letters = {};
  for (const ink of [...new Set(r.inks), css(r.theme.text)]) r.letters[ink] = writeLetters(r, ink);
}

function writeLetters(r, ink) {
  const canvas = document.createElement("canvas");
  const ratio = window.devicePixelRatio || 1;
  const pen = sizeCanvas(canvas, r.stripCanvas.width / ratio, r.stripCanvas.height / ratio);
  pen.font = `16px ${r.theme.mono}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = ink;
  r.strip.forEach(({ x, y, width, height }, j) => {
    pen.fillText(r.header.tokens[j], x + width / 2, y + height / 2 + 0.5);
  });
  return canvas;
}

function paintStrip(r) {
  const row = shownRow(r);
  const ratio = window.devicePixelRatio || 1;
  const pen = r.stripCanvas.getContext("2d");
  pen.clearRect(0, 0, r.stripCanvas.width, r.stripCanvas.height);
  const plain = css(r.theme.text);
  for (let j = 0; j < r.strip.length; j += 1) {
    const { x, y, width, height } = r.strip[j];
    const hidden = !arrived(r) || masked(r, row, j);
    const level = hidden ? 0 : Math.round(weightAt(r, row, j) * 1023);
    pen.fillStyle = r.shades[level];
    if (!hidden) pen.fillRect(x, y, width, height);
    pen.globalAlpha = hidden ? 0.42 : 1;
    const letters = r.letters[hidden ? plain : r.inks[level]];
    pen.drawImage(letters, x * ratio, y * ratio, width * ratio, height * ratio, x, y, width, height);
  }
  pen.globalAlpha = 1;
  pen.strokeStyle = css(r.theme.primary);
  pen.lineWidth = 2;
  pen.strokeRect(r.strip[row].x, r.strip[row].y, r.strip[row].width, r.strip[row].height);
}
