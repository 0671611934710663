// The search of every page: Ctrl-K or its button opens it, what is found follows while somebody types, arrows choose.
document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("search");
  if (!dialog) return;
  const form = dialog.querySelector("form");
  const input = form.querySelector("input");
  const hits = document.getElementById("search-hits");
  const WAIT = 150; // milliseconds after the last key
  let timer = 0, asked = null;

  const open = () => {
    if (!dialog.open) dialog.showModal();
    input.select();
  };

  const look = async () => {
    asked?.abort();
    asked = new AbortController();
    const address = `${form.getAttribute("action")}?part=1&q=${encodeURIComponent(input.value)}`;
    try {
      const answer = await fetch(address, { signal: asked.signal, headers: { Accept: "text/html" } });
      if (answer.redirected) location.reload(); // signed out meanwhile
      else if (answer.ok) hits.innerHTML = await answer.text();
    } catch (error) {
      if (error.name !== "AbortError") form.submit(); // the page says what is wrong
    }
  };

  const move = (by) => {
    const places = [input, ...hits.querySelectorAll("a")];
    const next = places[places.indexOf(document.activeElement) + by];
    next?.focus();
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
  document.querySelectorAll("[data-search-open]").forEach((link) =>
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      open();
    }),
  );
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault(); // once is enough, whatever stands in the box
      dialog.close();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
});
