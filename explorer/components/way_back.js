// Signing in leaves the site and comes back to its first page: the tab remembers where it was.

const KEPT = "explorer_way_back";

export default function wayBack({ data }) {
  const here = location.pathname + location.search;
  try {
    if (data.leaving) {
      sessionStorage.setItem(KEPT, here);
      return;
    }
    const wish = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT);
    if (wish && wish !== here) location.replace(location.origin + wish);
  } catch {
    // a browser that keeps nothing: the first page is a page, too
  }
}
