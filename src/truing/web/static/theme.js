// Sets the theme before the first paint; a module would come too late.
(() => {
  const chosen = localStorage.getItem("truing.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
