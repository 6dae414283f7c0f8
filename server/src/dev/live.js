// Reloads the page when its site changed, and says when something is being built.
(() => {
  "use strict";
  let after = document.currentScript.dataset.after;
  let source, badge, lost = false;

  function show(text) {
    if (!text) {
      badge?.remove();
      return;
    }
    if (!badge) {
      badge = document.createElement("div");
      badge.setAttribute("role", "status");
      Object.assign(badge.style, {
        position: "fixed", right: "1rem", bottom: "1rem", zIndex: 2147483647, padding: "0.4rem 0.8rem",
        borderRadius: "0.4rem", background: "#1c1e21", color: "#fff", font: "14px/1.4 system-ui, sans-serif",
        maxWidth: "30rem", boxShadow: "0 1px 6px #0006",
      });
    }
    badge.textContent = text;
    document.body.append(badge);
  }

  function open() {
    close();
    source = new EventSource(`/.harmonious/live?after=${after}`);
    const on = (name, act) => source.addEventListener(name, (event) => {
      after = event.lastEventId || after;
      act(event.data);
    });
    on("building", (modules) => show(`building ${modules} ...`));
    on("idle", () => show(""));
    on("changed", () => location.reload());
    on("lagged", () => location.reload());
    source.onopen = () => lost && location.reload();
    source.onerror = () => {
      lost = true;
      show("no connection to the server");
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 1000);
    };
  }

  function close() {
    if (source) source.onerror = null;
    source?.close();
  }

  // A browser has few connections to one server: pages that nobody sees leave theirs to others.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  if (!document.hidden) open();
})();
