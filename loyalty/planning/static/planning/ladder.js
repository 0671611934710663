// The ladder: rows that move by drag, arrows and keyboard, and how many members each would hold, while you type.
(() => {
  const form = document.getElementById("ladder");
  const rungs = document.getElementById("rungs");
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
  const rows = () => [...rungs.querySelectorAll(".rung")];

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

  rungs.addEventListener("click", (event) => {
    const row = event.target.closest(".rung");
    if (event.target.closest("[data-up]")) { move(row, -1); row.querySelector("[data-up]").focus(); }
    if (event.target.closest("[data-down]")) { move(row, 1); row.querySelector("[data-down]").focus(); }
    if (event.target.closest("[data-remove]")) { row.remove(); show(); }
  });
  rungs.addEventListener("dragstart", (event) => {
    dragged = event.target.closest(".rung");
    dragged.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });
  rungs.addEventListener("dragover", (event) => {
    const over = event.target.closest(".rung");
    if (!dragged || !over || over === dragged) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    event.clientY < box.top + box.height / 2 ? over.before(dragged) : over.after(dragged);
  });
  rungs.addEventListener("dragend", () => { dragged?.classList.remove("dragged"); dragged = null; show(); });
  rungs.addEventListener("input", show);
  document.getElementById("add-rung").addEventListener("click", () => {
    rungs.prepend(document.getElementById("new-rung").content.cloneNode(true));
    rungs.querySelector("input").focus();
    show();
  });
  fetch(words.distribution).then((answer) => answer.json()).then((found) => { known = found; show(); });
})();
