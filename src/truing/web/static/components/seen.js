// What is fetched only once it comes into view.

/** Calls once an element comes into view; returns how to give up. */
export function onceSeen(element, call) {
  const watched = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watched.disconnect();
    call();
  });
  watched.observe(element);
  return () => watched.disconnect();
}
