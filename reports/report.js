"use strict";
for (const filter of document.querySelectorAll(".filter")) {
  const [words, failing] = filter.querySelectorAll("input");
  const rows = document.querySelectorAll("tr[data-check]");
  const apply = () => {
    const wanted = words.value.toLowerCase();
    for (const row of rows) {
      row.hidden = !row.dataset.check.includes(wanted) || (failing.checked && row.dataset.passing === "yes");
    }
  };
  filter.hidden = false;
  filter.addEventListener("input", apply);
}
const open = () => {
  const told = document.getElementById(location.hash.slice(1));
  if (told instanceof HTMLDetailsElement) {
    told.open = true;
    told.scrollIntoView();
  }
};
addEventListener("hashchange", open);
open();
