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
  const earlier = stored();
  if (data.ask && Object.keys(earlier).length) {
    setStateValue("earlier", earlier); // before anything is overwritten
    return;
  }
  if (!Object.keys(data.value).length && data.ask) return; // nothing here, nothing there
  try {
    localStorage.setItem(NAME, JSON.stringify(data.value));
  } catch {
    // no room, or not allowed
  }
}
