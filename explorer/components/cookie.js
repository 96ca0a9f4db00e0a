// Keeps a value in a cookie of this site, for a year; only this site's own pages send it back.

const YEAR = 365 * 24 * 3600;

function kept(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : null;
}

export default function cookie({ data, setStateValue }) {
  const { name, value, yields } = data;
  const before = kept(name);
  if (before && before !== value && yields) {
    setStateValue("other", before); // another tab was first
    return;
  }
  const secure = location.protocol.endsWith("s:") ? "; secure" : "";
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR}; samesite=strict${secure}`;
}
