// Tiers: rows that move by drag, arrows and keyboard, and how many members each would hold, while you type.
(() => {
  const form = document.getElementById("tiers");
  const list = document.getElementById("tier-rows");
  const words = form.dataset;
  const format = new Intl.NumberFormat(words.locale);
  let known = null; // what members have: values, ascending, and the members that have each
  let dragged = null;

  // Numbers are typed as the page's language writes them: 1,500.50 in English is 1 500,50 in French.
  const comma = format.format(1.5)[1];
  const parse = (text) => {
    const plain = String(text).replace(/[\s\u00a0\u202f']/g, "");
    return Number(comma === "," ? plain.replace(",", ".") : plain.replaceAll(",", ""));
  };
  const rows = () => [...list.querySelectorAll(".tier-row")];

  const reached = (threshold) => {
    let sum = 0;
    for (let i = known.values.length - 1; i >= 0 && known.values[i] >= threshold; i--) sum += known.members[i];
    return sum;
  };

  const show = () => {
    if (!known) return;
    const total = known.members.reduce((sum, each) => sum + each, 0);
    let above = 0; // members who stand on a higher tier
    for (const row of rows()) {
      const threshold = parse(row.querySelector("[name=threshold]").value);
      const valid = Number.isFinite(threshold) && row.querySelector("[name=threshold]").value.trim() !== "";
      const least = valid ? reached(threshold) : 0;
      const held = Math.max(least - above, 0);
      const now = known.held[row.querySelector("[name=code]").value] || 0;
      const shadowed = valid && rows().slice(0, rows().indexOf(row)).some((higher) => parse(higher.querySelector("[name=threshold]").value) <= threshold);
      const share = total ? (100 * held) / total : 0;
      row.classList.toggle("shadowed", shadowed);
      row.querySelector(".meter span").style.width = `${share}%`;
      row.querySelector("[data-held]").textContent = shadowed
        ? words.wordShadowed
        : `${format.format(held)} ${words.wordMembers} (${words.wordNow} ${format.format(now)})`;
      above = Math.max(above, least);
    }
    form.querySelector("[data-none]").textContent = `${format.format(Math.max(total - above, 0))} ${words.wordMembers}`;
  };

  const move = (row, by) => {
    const all = rows();
    const other = all[all.indexOf(row) + by];
    if (!other) return;
    by < 0 ? other.before(row) : other.after(row);
    show();
  };

  list.addEventListener("click", (event) => {
    const row = event.target.closest(".tier-row");
    if (event.target.closest("[data-up]")) { move(row, -1); row.querySelector("[data-up]").focus(); }
    if (event.target.closest("[data-down]")) { move(row, 1); row.querySelector("[data-down]").focus(); }
    if (event.target.closest("[data-remove]")) { row.remove(); show(); }
  });
  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest(".tier-row");
    dragged.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest(".tier-row");
    if (!dragged || !over || over === dragged) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    event.clientY < box.top + box.height / 2 ? over.before(dragged) : over.after(dragged);
  });
  list.addEventListener("dragend", () => { dragged?.classList.remove("dragged"); dragged = null; show(); });
  list.addEventListener("input", show);
  document.getElementById("add-tier").addEventListener("click", () => {
    list.prepend(document.getElementById("new-tier").content.cloneNode(true));
    list.querySelector("input").focus();
    show();
  });
  fetch(words.distribution).then((answer) => answer.json()).then((found) => { known = found; show(); });
})();
