// Keeps a value in this browser. A browser that allows no storage keeps nothing, and says nothing.

const NAME = "gpt-from-scratch";

function stored() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) ?? {};
  } catch {
    return {};
  }
}

export default function keepsake({ data, setStateValue }) {
  if (data.ask) {
    setStateValue("earlier", stored());
    return;
  }
  try {
    localStorage.setItem(NAME, JSON.stringify(data.value));
  } catch {
    // no room, or not allowed
  }
}
