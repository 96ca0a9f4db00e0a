// What the attention component says in words: of a head, a cell, a row.

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

function describeHead(r) {
  if (r.header.time === 1) return "one position, which can only look at itself";
  const [first, ...others] = averages(r).map(([name, mean]) => `${name} ${mean.toFixed(2)}`);
  return `strongest average: ${first} (${others.join(", ")})`;
}

function sayCell(r) {
  const { i, j } = r.cell;
  const name = (at) => `‘${r.header.tokens[at]}’ (position ${at})`;
  const sum = r.sums[headIndex(r) * r.header.time + i];
  const hidden = masked(r, i, j);
  r.find(".readout").textContent = hidden
    ? `${name(i)} cannot look at ${name(j)} — masked: position ${j} has not been written yet`
    : `${name(i)} looks at ${name(j)}: weight ${weightAt(r, i, j).toFixed(4)} — ` +
      `row sums to ${sum.toFixed(3)}`;
  Object.assign(r.root.dataset, {
    row: i,
    column: j,
    value: hidden ? "masked" : weightAt(r, i, j).toFixed(6),
  });
}

function saySelection(r) {
  r.find(".title").textContent = headName(r);
  r.find(".summary").textContent = describeHead(r);
  r.find(".zoom").setAttribute("aria-label", `${headName(r)}: ${describeHead(r)}`);
  r.find(".atlas").setAttribute(
    "aria-label",
    `all heads, ${headName(r)} chosen: arrow keys choose another, Enter reports it`,
  );
  Object.assign(r.root.dataset, { layer: r.selected.layer, head: r.selected.head });
}

function sayStrip(r) {
  const row = r.pinned ?? r.cell.i;
  r.stripCanvas.setAttribute(
    "aria-label",
    `the text, coloured by where position ${row} looks`,
  );
  r.find(".hint").textContent =
    r.pinned === null
      ? `The text coloured by where position ${row} looks. Click a row or a token to pin it.`
      : `Pinned: where position ${row} looks. Escape or another click lets go.`;
}
