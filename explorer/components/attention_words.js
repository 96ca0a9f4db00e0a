// What the attention component says in words: of a head, a cell, a row.

const shownRow = (r) => r.pinned ?? r.cell.i;
const headName = (r) => nameInWords(r, headIndex(r));

function nameInWords(r, head) {
  const { heads } = r.header;
  const numbers = { layer: Math.floor(head / heads) + 1, head: (head % heads) + 1 };
  return say("layer {layer} head {head}", numbers);
}

function averages(r) {
  // Mean weight on four relative positions, over all queries that have them.
  const { time, causal } = r.header;
  const places = [
    [say("itself"), (i) => i],
    [say("the previous position"), (i) => i - 1],
    [say("the first position"), () => 0],
  ];
  if (!causal) places.push([say("the next position"), (i) => (i + 1 < time ? i + 1 : -1)]);
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

const fetching = (r) => say("fetching head {head} …", { head: nameOf(r, headIndex(r)) });

function inAverage(r) {
  if (!arrived(r)) return fetching(r);
  const [first, ...others] = averages(r).map(([name, mean]) => `${name} ${mean.toFixed(2)}`);
  return say("strongest average: {first} ({others})", { first, others: others.join(", ") });
}

function describeHead(r) {
  if (r.header.time === 1) return say("one position, which can only look at itself");
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
    const cells = say("Until then a cell is the largest weight of {n} × {n}.", { n: r.header.block });
    r.find(".readout").textContent = fetching(r) + (r.view === "matrix" ? ` ${cells}` : "");
    Object.assign(r.root.dataset, { row: "", column: "", value: "" });
    return;
  }
  const name = (at) => say("‘{token}’ (position {at})", { token: r.header.tokens[at], at });
  const sum = r.sums ? r.sums[placeOf(r) * r.header.time + i] : 1;
  const hidden = masked(r, i, j);
  const pair = { query: name(i), key: name(j) };
  r.find(".readout").textContent = hidden
    ? say("{query} cannot look at {key} — masked: position {at} has not been written yet", { ...pair, at: j })
    : say("{query} looks at {key}: weight {weight} — row sums to {sum}", {
        ...pair,
        weight: weightInWords(r, i, j),
        sum: sum.toFixed(3),
      }) + inLines(r);
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
  const values = { row, part, n: keys.length, all: rowEnd(r, row), keys: first.join(", ") };
  const said =
    keys.length > 3
      ? say("position {row}: {part} % on {n} of {all}: {keys}, and {more} more", { ...values, more: keys.length - 3 })
      : say("position {row}: {part} % on {n} of {all}: {keys}", values);
  return ` — ${said}`;
}

function saySelection(r) {
  const said = describeHead(r);
  const label = labelOf(r, headIndex(r));
  for (const save of [".save", ".save-svg", ".save-csv"]) r.find(save).disabled = !arrived(r);
  r.root.dataset.fetching = arrived(r) ? "" : nameOf(r, headIndex(r));
  r.find(".title").textContent = headName(r);
  r.find(".summary").textContent = said;
  sayLines(r);
  const drawn = r.view === "lines" && arrived(r) ? r.find(".drawn").textContent : "";
  const lines = drawn && `, ${say("as lines: {drawn}", { drawn })}`;
  r.find(".zoom").setAttribute("aria-label", `${headName(r)}: ${said}${lines}`);
  const chosen = { head: headName(r), label: label && ` (${label})`, score: r.header.score_name };
  r.find(".atlas").setAttribute(
    "aria-label",
    sorted(r)
      ? say("all heads, highest {score} first, {head} chosen{label}: arrow keys choose another, Enter reports it", chosen)
      : say("all heads, {head} chosen{label}: arrow keys choose another, Enter reports it", chosen),
  );
  Object.assign(r.root.dataset, { layer: r.selected.layer, head: r.selected.head });
}

function sayStrip(r) {
  const row = shownRow(r);
  r.root.dataset.pinned = r.pinned ?? "";
  r.stripCanvas.setAttribute("aria-label", say("the text, coloured by where position {row} looks", { row }));
  const { bits, block } = r.header;
  const hints = [colouredBy(r, row)];
  if (bits === 8) hints.push(say("Weights are sent with 8 bits: ± says how far one can be off."));
  if (block > 1) hints.push(say("All heads: a cell is the largest of {n} × {n} weights.", { n: block }));
  r.find(".hint").textContent = hints.join(" ");
}

function colouredBy(r, row) {
  if (!arrived(r)) return say("The text; its colours come with the weights of the head.");
  if (r.pinned !== null) return say("Pinned: where position {row} looks. Escape or another click lets go.", { row });
  return say("The text coloured by where position {row} looks. Click a row or a token to pin it.", { row });
}
