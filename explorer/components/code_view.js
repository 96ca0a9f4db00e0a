// A table: line number, code, and what the line made. Everything is text, never HTML.

const CLASSES = { number: "number-token" };

function cell(kind, text) {
  const td = document.createElement("td");
  td.className = kind;
  td.textContent = text;
  return td;
}

function codeCell(pieces) {
  const td = cell("code", "");
  for (const [kind, text] of pieces) {
    const span = document.createElement("span");
    span.className = CLASSES[kind] ?? kind;
    span.textContent = text;
    td.append(span);
  }
  return td;
}

// A shape stays on one line.
const notesOf = (text) => text.replace(/, (?=\d)/g, ",\u00a0");

function lineRow({ lines, first, notes, marks }, at) {
  const row = document.createElement("tr");
  row.append(cell("number", first + at), codeCell(lines[at]), cell("note", notesOf(notes[at])));
  if (marks[at]) {
    row.className = "marked";
    row.title = marks[at];
    const said = cell("note", `← ${marks[at]}${notes[at] ? `: ${notesOf(notes[at])}` : ""}`);
    row.lastChild.replaceWith(said);
  }
  return row;
}

// Browsers have a clipboard for safe addresses only; elsewhere a selection is copied, as by hand.
async function copied(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const area = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

export default function codeView({ data, parentElement }) {
  const root = parentElement.querySelector(".component");
  readTheme(root);
  const { header } = unpack(data);
  speak(root, header.words);
  const scroll = root.querySelector(".scroll");
  scroll.style.maxHeight = `${header.height}px`;
  scroll.setAttribute("aria-label", say("source of {file}", { file: header.file }));
  root.querySelector(".file").textContent = say("{file}, from line {first}", header);
  root.querySelector("tbody").replaceChildren(...header.lines.map((_, at) => lineRow(header, at)));
  const text = header.lines.map((pieces) => pieces.map(([, part]) => part).join("")).join("\n");
  const copy = root.querySelector(".copy");
  copy.onclick = async () => {
    copy.textContent = (await copied(`${text}\n`)) ? say("Copied") : say("Not allowed");
    setTimeout(() => (copy.textContent = say("Copy")), 1500);
  };
  const noted = header.notes.findIndex(Boolean);
  if (root.dataset.ready !== "true" && noted > 0) {
    scroll.scrollTop = scroll.querySelectorAll("tr")[noted].offsetTop - 8; // the rest is above
  }
  root.dataset.ready = "true";
}
