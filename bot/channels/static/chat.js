/* The resident's page, live: sends without reloading, tries again with the same id, and can be left at once.
   Everything here has a plain form behind it. Texts stand in data attributes of the page. */
(function () {
  "use strict";
  var body = document.body, list = document.getElementById("lines"), box = document.getElementById("text");
  var note = document.getElementById("note"), strip = document.getElementById("strip"), typing = document.getElementById("typing");
  var KEY = "ym-unsent", last = Number(body.dataset.last), known = body.dataset.known === "1", shared = body.dataset.shared === "1";
  var queue = [], sending = false, failures = 0, stream = null, stripTimer = 0, reading = false, again = false, touched = Date.now(), told = Date.now();
  var say = function (name) { return body.dataset["say" + name.charAt(0).toUpperCase() + name.slice(1)] || body.dataset.sayOther; };

  function newId() {
    if (window.crypto.randomUUID) return window.crypto.randomUUID();
    var b = window.crypto.getRandomValues(new Uint8Array(16));
    b[6] = (b[6] & 15) | 64; b[8] = (b[8] & 63) | 128;
    return Array.prototype.map.call(b, function (x, i) {
      return ([4, 6, 8, 10].indexOf(i) >= 0 ? "-" : "") + ("0" + x.toString(16)).slice(-2);
    }).join("");
  }
  function keep() {
    try { queue.length ? sessionStorage.setItem(KEY, JSON.stringify(queue)) : sessionStorage.removeItem(KEY); } catch (e) { /* full or forbidden: memory only */ }
  }
  function warn(text) { note.textContent = text || ""; note.hidden = !text; }
  function down() { document.getElementById("end").scrollIntoView({ block: "end" }); window.scrollTo(0, document.documentElement.scrollHeight); }
  function state(name) {
    typing.hidden = name !== "thinking";
    document.querySelectorAll("[data-when]").forEach(function (tag) { tag.hidden = tag.dataset.when.split(" ").indexOf(name) < 0; });
  }
  function offline(yes) {
    if (!yes) { clearTimeout(stripTimer); stripTimer = 0; strip.hidden = true; return; }
    if (!stripTimer) stripTimer = setTimeout(function () { strip.hidden = false; }, 2500);
  }
  function dropButtons() { document.querySelectorAll(".lines .buttons, .starters").forEach(function (b) { b.remove(); }); }

  /* reading */
  function read() {
    if (reading) { again = true; return Promise.resolve(); }
    reading = true;
    var active = Date.now() - touched < 60000 && Date.now() - told > 60000;
    if (active) told = Date.now();
    return fetch("/chat/messages?after=" + last + (active ? "&active=1" : ""), { credentials: "same-origin", headers: { Accept: "text/html" } })
      .then(function (r) { if (!r.ok) throw new Error(r.status); return r.text(); })
      .then(function (html) {
        offline(false);
        var part = document.createElement("ol");
        part.innerHTML = html;  /* our own escaped fragment */
        var mark = part.querySelector(".mark"), fresh = part.querySelectorAll(".line");
        if (known && mark.dataset.known === "0") { location.replace("/"); return; }
        if (mark.dataset.known === "1") known = true;
        if (fresh.length) dropButtons();
        fresh.forEach(function (line) {
          if (document.getElementById(line.id)) return;
          var mine = line.classList.contains("resident") && list.querySelector('.unsent[data-seq="' + line.dataset.seq + '"]');
          if (mine) mine.remove();
          list.insertBefore(line, list.querySelector(".unsent"));
        });
        last = Math.max(last, Number(mark.dataset.last) || 0);
        state(mark.dataset.state);
        if (fresh.length) down();
      })
      .catch(function () { offline(true); })
      .then(function () { reading = false; if (again) { again = false; read(); } });
  }
  function listen() {
    if (stream) stream.close();
    if (!known || !window.EventSource) return;
    stream = new EventSource("/chat/stream");
    stream.onopen = function () { offline(false); };
    stream.onmessage = read;
    stream.onerror = function () {
      if (stream.readyState === 2) { stream = null; setTimeout(listen, 5000); } else { offline(true); }
    };
  }
  setInterval(function () { if (known) read(); }, 10000);
  document.addEventListener("visibilitychange", function () { if (!document.hidden && known) read(); });

  /* sending */
  function show(item) {
    var line = document.createElement("li"), said = document.createElement("div"), word = document.createElement("div");
    line.className = "line resident unsent"; line.dataset.local = item.id;
    said.className = "said"; said.textContent = item.text;
    word.className = "state"; word.textContent = say("sending");
    line.appendChild(said); line.appendChild(word); list.appendChild(line); down();
  }
  function local(item) { return list.querySelector('[data-local="' + item.id + '"]'); }
  function put(text, button) {
    var item = { id: newId(), text: text };
    if (button) item.button = button;
    queue.push(item); keep(); dropButtons(); show(item); warn(""); work();
  }
  function work() {
    if (sending || !queue.length) return;
    sending = true;
    var item = queue[0], line = local(item);
    fetch("/chat/messages", {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ id: item.id, text: item.text, button: item.button || "", after: last })
    }).then(function (r) {
      if (r.status >= 500 || r.status === 429) { if (r.status === 429) warn(say("too_fast")); throw new Error("later"); }
      return r.json().then(function (answer) {
        queue.shift(); keep(); failures = 0;
        if (!r.ok) {
          if (line) line.remove();
          if (!box.value) box.value = item.text;
          grow(); warn(say(answer.error)); return;
        }
        if (line) { line.dataset.seq = answer.seq; line.querySelector(".state").textContent = ""; }
        if (!known || answer.fresh || !stream) { known = true; listen(); }
        warn("");
        return read();
      });
    }).catch(function () {
      failures += 1; offline(true);
      if (line) line.querySelector(".state").textContent = say("waiting");
      setTimeout(work, Math.min(15000, 1000 * Math.pow(2, failures)));
    }).then(function () { sending = false; if (!failures) work(); });
  }
  /* a photo or a paper: sent at once, with the same id until it is there */
  function sendFile(file) {
    if (file.size > Number(body.dataset.most)) { warn(say("file_large")); return; }
    var item = { id: newId(), text: say(file.type.indexOf("image/") === 0 ? "photo" : "document") }, tries = 0;
    dropButtons(); show(item); warn("");
    function attempt() {
      var form = new FormData(), line = local(item);
      form.append("id", item.id); form.append("after", last); form.append("file", file, "file");
      fetch("/chat/files", { method: "POST", credentials: "same-origin", headers: { Accept: "application/json" }, body: form })
        .then(function (r) {
          if (r.status >= 500 || r.status === 429) { if (r.status === 429) warn(say("too_fast")); throw new Error("later"); }
          return r.json().then(function (answer) {
            if (!r.ok) { if (line) line.remove(); warn(say(answer.error === "too_large" ? "file_large" : answer.error)); return; }
            if (line) { line.dataset.seq = answer.seq; line.querySelector(".state").textContent = ""; }
            if (!known || answer.fresh || !stream) { known = true; listen(); }
            warn("");
            return read();
          });
        }).catch(function () {
          tries += 1; offline(true);
          if (line) line.querySelector(".state").textContent = say("waiting");
          setTimeout(attempt, Math.min(30000, 2000 * Math.pow(2, tries)));
        });
    }
    attempt();
  }
  var picker = document.getElementById("file");
  document.getElementById("file-form").classList.add("live");
  picker.addEventListener("change", function () { if (picker.files.length) sendFile(picker.files[0]); picker.value = ""; });

  function grow() { box.style.height = "auto"; box.style.height = Math.min(box.scrollHeight + 2, window.innerHeight * 0.3) + "px"; }
  function submit() {
    var text = box.value;
    if (!text.trim()) { warn(say("blank")); return; }
    if (Array.from(text).length > Number(body.dataset.longest)) { warn(say("too_long")); return; }
    box.value = ""; grow(); put(text);
  }
  document.getElementById("say").addEventListener("submit", function (e) { e.preventDefault(); submit(); box.focus(); });
  document.addEventListener("submit", function (e) {
    var form = e.target;
    if (form.classList.contains("leave")) { e.preventDefault(); flee(); return; }
    if (!form.classList.contains("press")) return;
    e.preventDefault();
    var button = form.querySelector("button");
    if (button.name === "button") put(form.elements.text.value, button.value); else put(button.value);
  });
  box.addEventListener("input", function () { grow(); warn(""); });
  box.addEventListener("keydown", function (e) {
    /* Enter that picks a word in an input method is not Enter; on phones Enter makes a new line */
    if (e.key !== "Enter" || e.shiftKey || e.isComposing || e.keyCode === 229) return;
    if (window.matchMedia("(pointer: coarse)").matches) return;
    e.preventDefault(); submit();
  });

  /* leaving */
  function flee() {
    try { sessionStorage.removeItem(KEY); } catch (e) { /* nothing kept */ }
    if (stream) stream.close();
    if (navigator.sendBeacon) navigator.sendBeacon("/chat/leave");
    document.title = "";
    body.textContent = "";
    location.replace("/away");
  }
  var escaped = 0;
  document.addEventListener("keydown", function (e) {
    touched = Date.now();
    if (e.key !== "Escape" || e.isComposing) return;
    if (Date.now() - escaped < 1000) flee();
    escaped = Date.now();
  });
  ["pointerdown", "scroll", "input"].forEach(function (name) { document.addEventListener(name, function () { touched = Date.now(); }, { passive: true }); });
  setInterval(function () { if (shared && Date.now() - touched > Number(body.dataset.idle) * 1000) flee(); }, 5000);

  /* letters */
  document.querySelectorAll("[data-size]").forEach(function (link) {
    link.addEventListener("click", function (e) {
      e.preventDefault();
      document.documentElement.className = "size-" + link.dataset.size;
      document.querySelectorAll("[data-size]").forEach(function (other) { other.removeAttribute("aria-current"); });
      link.setAttribute("aria-current", "true");
      document.cookie = "ym_size=" + link.dataset.size + ";path=/;max-age=2592000;samesite=lax" + (location.protocol === "https:" ? ";secure" : "");
      grow();
    });
  });

  try { queue = JSON.parse(sessionStorage.getItem(KEY) || "[]"); } catch (e) { queue = []; }
  queue.forEach(show); work();
  grow(); down(); listen();
  if (known) read();
})();
