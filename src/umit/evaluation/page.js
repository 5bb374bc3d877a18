// Filters live in the address, such as #verdict=wrong&page=zh, so that a view can be passed on.
(() => {
  const keys = ["verdict", "task", "language"];
  const cards = [...document.querySelectorAll("article")];
  const buttons = [...document.querySelectorAll("button[data-key]")];
  const chosen = () => new URLSearchParams(location.hash.slice(1));
  const show = () => {
    const now = chosen();
    const page = now.get("page") || (navigator.language.startsWith("zh") ? "zh" : "en");
    const wanted = key => key === "page" ? page : now.get(key) || "";
    for (const card of cards) card.hidden = keys.some(key => wanted(key) && card.dataset[key] !== wanted(key));
    document.documentElement.lang = page === "zh" ? "zh" : "en";
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(wanted(button.dataset.key) === button.dataset.value));
    }
    document.getElementById("shown").textContent = cards.filter(card => !card.hidden).length;
  };
  const go = view => {
    view.delete("all");
    location.hash = view.toString() || "all";  // an empty one would scroll to the top
    show();
  };
  for (const button of buttons) button.addEventListener("click", () => {
    const view = chosen();
    if (button.dataset.value) view.set(button.dataset.key, button.dataset.value);
    else view.delete(button.dataset.key);
    go(view);
  });
  // A count leads to its items.
  for (const button of document.querySelectorAll("button[data-view]")) button.addEventListener("click", () => {
    const view = new URLSearchParams(button.dataset.view);
    if (chosen().has("page")) view.set("page", chosen().get("page"));
    go(view);
    document.getElementById("items").scrollIntoView();
  });
  addEventListener("hashchange", show);
  show();
})();
