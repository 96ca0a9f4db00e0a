// What the attention component says in words: of a head, a cell, a row.

const shownRow = (r) => r.pinned ?? r.cell.i;
const headName = (r) => `layer ${r.selected.layer + 1} head ${r.selected.head + 1}`;

function averages(r) {
  // Mean weight on four relative positions, over all queries that have them.
  const { time, causal } = r.header;
  const places = [
    ["itself", (i) => i],
    ["the previous position", (i) => i - 1],
    ["the first position", () => 0],
  ];
  if (!causal) places.push(["the next position", (i) => (i + 1 < time ? i + 1 : -1)]);
  return places
    .map(([name, key]) => {
      let sum = 0;
      let count = 0;
      for (let i = 1; i < time; i += 1) {
        if (key(i) < 0) continue;
        sum += weightAt(r, i, key(i));
        count += 1;
      }
      return [name, count ? sum / count : 1];
    })
    .sort((a, b) => b[1] - a[1]);
}

const fetching = (r) => `fetching head ${nameOf(r, headIndex(r))} …`;

function inAverage(r) {
  if (!arrived(r)) return fetching(r);
  const [first, ...others] = averages(r).map(([name, mean]) => `${name} ${mean.toFixed(2)}`);
  return `strongest average: ${first} (${others.join(", ")})`;
}

function describeHead(r) {
  if (r.header.time === 1) return "one position, which can only look at itself";
  const { labels, scores, score_name: name } = r.header;
  const score = scores?.[headIndex(r)] ?? null;
  return [
    labels?.[headIndex(r)],
    score !== null && `${name} ${decimal(score)}`,
    inAverage(r),
  ]
    .filter(Boolean)
    .join(" — ");
}

// A weight with as many decimals as are true of it; 8 bits say how far it can be off.
function weightInWords(r, i, j) {
  const weight = weightAt(r, i, j);
  if (r.header.bits === 16) return weight.toFixed(4);
  const off = precision(r, levelAt(r, i, j));
  const decimals = Math.min(Math.ceil(-Math.log10(off)), 6);
  const unit = 10 ** -decimals;
  return `${weight.toFixed(decimals)} ± ${(Math.ceil(off / unit) * unit).toFixed(decimals)}`;
}

function sayCell(r) {
  const { i, j } = r.cell;
  if (!arrived(r)) {
    const n = r.header.block;
    const cells = r.view === "matrix" ? ` Until then a cell is the largest weight of ${n} × ${n}.` : "";
    r.find(".readout").textContent = fetching(r) + cells;
    Object.assign(r.root.dataset, { row: "", column: "", value: "" });
    return;
  }
  const name = (at) => `‘${r.header.tokens[at]}’ (position ${at})`;
  const sum = r.sums ? r.sums[placeOf(r) * r.header.time + i] : 1;
  const hidden = masked(r, i, j);
  r.find(".readout").textContent = hidden
    ? `${name(i)} cannot look at ${name(j)} — masked: position ${j} has not been written yet`
    : `${name(i)} looks at ${name(j)}: weight ${weightInWords(r, i, j)} — ` +
      `row sums to ${sum.toFixed(3)}${inLines(r)}`;
  Object.assign(r.root.dataset, {
    row: i,
    column: j,
    value: hidden ? "masked" : weightAt(r, i, j).toFixed(6),
  });
}

// What the lines of the row add up to, in words.
function inLines(r) {
  if (r.view !== "lines") return "";
  const row = shownRow(r);
  const keys = keysOfRow(r, row);
  const first = keys.slice(0, 3).map((j) => `‘${r.header.tokens[j]}’ (${j}) ${weightAt(r, row, j).toFixed(2)}`);
  r.root.dataset.keys = keys;
  const part = Math.round(100 * edgesOf(r).parts[row]);
  const more = keys.length > 3 ? `, and ${keys.length - 3} more` : "";
  return ` — position ${row}: ${part} % on ${keys.length} of ${rowEnd(r, row)}: ${first.join(", ")}${more}`;
}

function saySelection(r) {
  const said = describeHead(r);
  const label = labelOf(r, headIndex(r));
  for (const save of [".save", ".save-svg", ".save-csv"]) r.find(save).disabled = !arrived(r);
  r.root.dataset.fetching = arrived(r) ? "" : nameOf(r, headIndex(r));
  r.find(".title").textContent = headName(r);
  r.find(".summary").textContent = said;
  sayLines(r);
  const lines = r.view === "lines" && arrived(r) ? `, as lines: ${r.find(".drawn").textContent}` : "";
  r.find(".zoom").setAttribute("aria-label", `${headName(r)}: ${said}${lines}`);
  r.find(".atlas").setAttribute(
    "aria-label",
    `all heads${sorted(r) ? `, highest ${r.header.score_name} first` : ""}, ${headName(r)} chosen` +
      `${label && ` (${label})`}: arrow keys choose another, Enter reports it`,
  );
  Object.assign(r.root.dataset, { layer: r.selected.layer, head: r.selected.head });
}

function sayStrip(r) {
  const row = shownRow(r);
  r.root.dataset.pinned = r.pinned ?? "";
  r.stripCanvas.setAttribute(
    "aria-label",
    `the text, coloured by where position ${row} looks`,
  );
  const rounded = r.header.bits === 8 ? " Weights are sent with 8 bits: ± says how far one can be off." : "";
  const { block } = r.header;
  const coarse = block > 1 ? ` All heads: a cell is the largest of ${block} × ${block} weights.` : "";
  r.find(".hint").textContent =
    (!arrived(r)
      ? "The text; its colours come with the weights of the head."
      : r.pinned === null
      ? `The text coloured by where position ${row} looks. Click a row or a token to pin it.`
      : `Pinned: where position ${row} looks. Escape or another click lets go.`) +
    rounded +
    coarse;
}
