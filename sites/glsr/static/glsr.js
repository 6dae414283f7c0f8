// What the pages gain with scripts; all of it works without. No library, nothing inline.
"use strict";

// Search while typing: the part of the page with the results is fetched again.
for (const form of document.querySelectorAll("form[data-live]")) {
  let timer, asked = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++asked;
      const query = new URLSearchParams();
      for (const [name, value] of new FormData(form)) if (value) query.set(name, value);
      history.replaceState(null, "", `${form.action}?${query}`);
      query.set("part", "1");
      const answer = await fetch(`${form.action}?${query}`).catch(() => null);
      if (!answer?.ok) return;
      const part = document.createElement("template");
      part.innerHTML = await answer.text();
      // What is heard by screen readers stays, with other content.
      const results = document.getElementById("results");
      const found = part.content.getElementById("results");
      if (found && mine === asked) results?.replaceChildren(...found.childNodes);
    }, 250);
  });
}

// Buttons that copy what stands behind them.
if (navigator.clipboard) {
  for (const text of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = text.dataset.copy;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.textContent.trim());
      button.textContent = text.dataset.copied;
      setTimeout(() => { button.textContent = text.dataset.copy; }, 2000);
    });
    text.before(button);
  }
}

// The queue of reviewers looks for news each quarter of a minute, while somebody looks at it.
for (const queue of document.querySelectorAll("[data-reload]")) {
  setInterval(async () => {
    if (document.hidden || queue.contains(document.activeElement)) return;
    const answer = await fetch(queue.dataset.reload).catch(() => null);
    if (answer?.ok) queue.innerHTML = await answer.text();
  }, 15_000);
}
