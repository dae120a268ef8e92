/* The desk, live: a hint makes a pane read itself afresh, so that what it shows is always a whole page of the server.
   Every link and form works without this. Texts stand in data attributes of the page. */
(function () {
  "use strict";
  var body = document.body, root = document.querySelector("[data-here]"), strip = document.getElementById("strip");
  var skew = Date.parse(body.dataset.now) - Date.now(), stream = null, stripTimer = 0, title = document.title, blink = 0;
  var turns = {};
  var say = function (name) { return body.getAttribute("data-say-" + name); };

  /* times: the server says when, the browser only counts */
  function words(seconds) {
    var s = Math.max(0, Math.floor(seconds)), m = Math.floor(s / 60), h = Math.floor(s / 3600), d = Math.floor(s / 86400);
    if (s < 60) return say("under");
    if (h < 1) return m + say("minute");
    if (d < 1) return h + say("hour") + (m % 60) + say("minute-short");
    return d + say("day") + (h % 24) + say("hour");
  }
  function count() {
    var now = Date.now() + skew;
    document.querySelectorAll("[data-since]").forEach(function (t) { t.textContent = words((now - Date.parse(t.dataset.since)) / 1000); });
    document.querySelectorAll("[data-due]").forEach(function (t) {
      var left = (Date.parse(t.dataset.due) - now) / 1000;
      t.textContent = (left < 0 ? say("late") : say("left")) + words(Math.abs(left));
    });
  }
  setInterval(count, 5000);
  var current = document.querySelector(".menu [aria-current]");
  if (current) current.parentNode.scrollLeft = current.offsetLeft - 40;
  /* a second click on a button whose form is on its way does nothing */
  document.addEventListener("submit", function (e) {
    var form = e.target;
    if (!form.closest(".wide-page, .narrow") || form.closest("[data-open]")) return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(function () { delete form.dataset.sent; }, 5000);
  });
  /* what was done is said once, not again when the page is read anew or kept as a bookmark */
  if (document.querySelector(".done")) history.replaceState(null, "", location.pathname);

  /* panes */
  function bottom(talk) { return talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80; }
  function fresh(pane) {
    var name = pane.dataset.pane, mine = (turns[name] = (turns[name] || 0) + 1);
    var here = new URL((pane.dataset.here || root.dataset.here), location.href);
    here.searchParams.set("pane", name);
    return fetch(here, { credentials: "same-origin", headers: { Accept: "text/html" } }).then(function (r) {
      if (r.status === 401) { location.reload(); return null; }
      return r.ok ? r.text() : null;
    }).then(function (html) {
      if (html === null || mine !== turns[name]) return;  /* an older answer that came late */
      if (pane.querySelector("details[open]")) {  /* somebody is filling in a form: not under their hands */
        if (!pane.dataset.later) { pane.dataset.later = "1"; pane.querySelector("details[open]").addEventListener("toggle", function () { delete pane.dataset.later; fresh(pane); }, { once: true }); }
        return;
      }
      var stay = bottom(pane), top = pane.scrollTop, focus = pane.contains(document.activeElement) && document.activeElement.getAttribute("href");
      pane.innerHTML = html;
      pane.scrollTop = name === "talk" && stay ? pane.scrollHeight : top;
      if (focus) { var link = pane.querySelector('a[href="' + focus + '"]'); if (link) link.focus({ preventScroll: true }); }
      after(name);
    });
  }
  var pending = {}, timer = 0;
  function hint(word) {
    document.querySelectorAll("[data-hints]").forEach(function (pane) {
      var wanted = pane.dataset.hints.split(" ");
      if (word === "look" || wanted.indexOf(word) >= 0) pending[pane.dataset.pane] = pane;
    });
    if (!timer) timer = setTimeout(function () {
      var panes = pending; pending = {}; timer = 0;
      Object.keys(panes).forEach(function (name) { fresh(panes[name]).catch(function () { offline(true); }); });
    }, 120);
  }
  function after(name) {
    count();
    if (name === "list") alarm();
    if (name === "talk") owner();
    document.querySelectorAll(".needs-js").forEach(function (b) { b.hidden = false; });
  }
  function offline(yes) {
    if (!yes) { clearTimeout(stripTimer); stripTimer = 0; strip.hidden = true; return; }
    if (!stripTimer) stripTimer = setTimeout(function () { strip.hidden = false; }, 2500);
  }
  function listen() {
    if (!root || !window.EventSource) return;
    stream = new EventSource("/desk/stream");
    stream.onopen = function () { offline(false); };
    stream.onmessage = function (e) { offline(false); hint(e.data); };
    stream.onerror = function () { offline(true); if (stream.readyState === 2) setTimeout(listen, 5000); };
  }
  document.addEventListener("visibilitychange", function () { if (!document.hidden && root) hint("look"); });

  /* the page tells that somebody is here; what an operator holds stays theirs while it does */
  function beat() {
    var csrf = document.querySelector("input[name=csrf]");
    if (csrf) fetch("/desk/beat", {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ csrf: csrf.value })
    }).catch(function () { /* the strip shows that the connection is gone; the next beat tries again */ });
  }
  if (body.dataset.beat) setInterval(beat, Number(body.dataset.beat) * 1000);

  /* alarm: words and colour in the list, a sound, a blinking title */
  var sound = document.getElementById("sound"), audio = null, KNOWN = "ym-alarms";
  function known() { try { return JSON.parse(sessionStorage.getItem(KNOWN) || "[]"); } catch (e) { return []; } }
  function beep() {
    if (!audio || audio.state !== "running") return;
    [0, 0.25, 0.5, 1, 1.25, 1.5].forEach(function (at) {
      var tone = audio.createOscillator(), gain = audio.createGain(), t = audio.currentTime + at;
      tone.frequency.value = at < 1 ? 880 : 988;
      gain.gain.setValueAtTime(0.0001, t); gain.gain.exponentialRampToValueAtTime(0.3, t + 0.02); gain.gain.exponentialRampToValueAtTime(0.0001, t + 0.2);
      tone.connect(gain); gain.connect(audio.destination); tone.start(t); tone.stop(t + 0.22);
    });
  }
  function calm() { clearInterval(blink); blink = 0; document.title = title; }
  function alarm() {
    var now = Array.prototype.map.call(document.querySelectorAll("[data-alarm]"), function (mark) { return mark.dataset.alarm; });
    var before = known(), news = now.filter(function (a) { return before.indexOf(a) < 0; });
    try { sessionStorage.setItem(KNOWN, JSON.stringify(now)); } catch (e) { /* sounds again after a reload, no harm */ }
    if (!news.length) return;
    beep();
    if (!blink) blink = setInterval(function () { document.title = document.title === title ? say("alarm") : title; }, 800);
  }
  function wake() {
    var Audio = window.AudioContext || window.webkitAudioContext;
    if (!Audio) return;
    audio = audio || new Audio();
    audio.resume().then(function () { sound.setAttribute("aria-pressed", "true"); sound.textContent = sound.dataset.on; });
  }
  if (sound) {
    sound.hidden = false;
    sound.addEventListener("click", function () { wake(); beep(); });
    document.addEventListener("pointerdown", function () { if (!audio) wake(); calm(); });  /* browsers allow sound only after a touch */
    document.addEventListener("keydown", function () { if (!audio) wake(); calm(); });
  }

  /* composer */
  var form = document.getElementById("composer"), box = document.getElementById("text"), note = document.getElementById("note");
  function warn(text) { note.textContent = text || ""; note.hidden = !text; }
  function owner() {
    var head = document.querySelector(".talkhead");
    if (!form || !head) return;
    var mine = head.dataset.mine === "1";
    document.getElementById("writing").disabled = !mine;
    box.placeholder = mine ? box.dataset.mine : box.dataset.other;
  }
  if (form) {
    form.addEventListener("submit", function (e) {
      e.preventDefault();
      var text = box.value, id = form.elements.id;
      if (!text.trim()) { warn(say("blank")); return; }
      box.readOnly = true;
      fetch(form.action, {
        method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ csrf: form.elements.csrf.value, id: id.value, text: text })
      }).then(function (r) { return r.json().then(function (answer) { return { ok: r.ok, error: answer.error }; }); }).then(function (done) {
        box.readOnly = false;
        if (!done.ok) { warn(say(done.error) || say("unsent")); hint("look"); return; }
        box.value = ""; warn("");
        /* only now a new id: trying again after a lost answer must not say it twice */
        id.value = window.crypto.randomUUID ? window.crypto.randomUUID() : String(Date.now()) + "-" + String(Math.random()).slice(2);
        box.focus();
        fresh(document.getElementById("talk")).then(function () { var t = document.getElementById("talk"); t.scrollTop = t.scrollHeight; });
      }).catch(function () { box.readOnly = false; warn(say("unsent")); });
    });
    box.addEventListener("keydown", function (e) {
      if (e.key !== "Enter" || !(e.ctrlKey || e.metaKey) || e.isComposing || e.keyCode === 229) return;
      e.preventDefault();
      form.requestSubmit ? form.requestSubmit() : form.querySelector("button").click();
    });
    document.addEventListener("click", function (e) {
      var button = e.target.closest && e.target.closest("[data-draft]");
      if (!button || document.getElementById("writing").disabled) return;
      box.value = box.value ? box.value + "\n" + button.dataset.draft : button.dataset.draft;
      box.focus();
    });
  }

  var talk = document.getElementById("talk");
  if (talk) talk.scrollTop = talk.scrollHeight;
  after("list"); owner(); listen();
})();
