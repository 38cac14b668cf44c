// The drawn phones. Events say only that something changed; what is shown is always fetched from /lab/v1.
"use strict";

const API = "/lab/v1";
const lang = document.documentElement.lang;
const column = lang === "zh-Hans" ? 1 : 0;
const service = document.body.dataset.service;
const byId = (id) => document.getElementById(id);
const phones = new Map(); // msisdn → drawn phone
let words = {};

// A word in the page's language, or in a phone's own one.
function say(key, values = {}, of = column) {
  const text = words[key] ? words[key][of] : key;
  return text.replace(/\{(\w+)\}/g, (all, name) => (name === "service" ? service : name in values ? values[name] : all));
}

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

async function ask(path, method = "GET", body) {
  const options = { method, headers: body === undefined ? {} : { "content-type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  const answer = await fetch(API + path, options);
  const told = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Error((told && told.detail) || `${answer.status}`);
  return told;
}

// --- one phone -------------------------------------------------------------------------------------------------

const LETTERS = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", 0: "+" };
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const CODE_LENGTH = 6;

class Phone {
  constructor(told) {
    this.msisdn = told.msisdn;
    this.own = told.language === "zh-Hans" ? 1 : 0; // the owner's language: her screen speaks it
    this.tab = "book";
    this.digits = "";
    this.note = "";
    this.seen = null;
    this.fresh = new Set();
    this.draw(told);
    this.show(told);
  }

  get path() { return `/handsets/${encodeURIComponent(this.msisdn)}`; }
  get name() { return this.told.name || this.msisdn; }
  mine(key, values) { return say(key, values, this.own); }

  draw(told) {
    const id = this.msisdn.replace(/\D/g, "");
    const ownLang = this.own ? "zh-Hans" : "en";
    const title = told.name || told.msisdn;
    this.power = el("input", { type: "checkbox", class: "switch", role: "switch", "data-testid": "power",
      "aria-label": say("power_of", { name: title }), onchange: () => this.do(() => ask(this.path + "/power", "POST", { on: this.power.checked })) });
    this.sub = el("span", { class: "soft" });
    this.screen = el("div", { class: "screen", lang: ownLang, "data-testid": "screen" });
    this.dial = el("div", { class: "dial" });
    this.said = el("p", { class: "said body-said", role: "status" });
    const keypad = el("div", { class: "keypad", role: "group", "aria-label": say("keypad"), "data-testid": "keypad" },
      ...KEYS.map((key) => el("button", { type: "button", "data-key": key,
        "aria-label": key === "*" ? say("star") : key === "#" ? say("hash") : key, onclick: () => this.key(key) },
      key, LETTERS[key] ? el("small", { "aria-hidden": "true" }, LETTERS[key]) : null)));
    this.article = el("article", { class: "handset", "data-testid": `handset-${this.msisdn}`, "aria-labelledby": `owner-${id}`,
      onkeydown: (event) => this.typed(event) },
    el("div", { class: "owner" },
      el("div", {}, el("h3", { id: `owner-${id}`, lang: /\p{Script=Han}/u.test(title) ? "zh-Hans" : null }, title), this.sub),
      el("label", { class: "power" }, el("span", { "aria-hidden": "true" }, say("power")), this.power)),
    el("div", { class: "body" }, el("div", { class: "ear" }), this.screen, this.dial, keypad, this.said),
    this.byHand(id, Boolean(told.iccid)));
  }

  byHand(id, hasCard) {
    const field = (key, attributes) => {
      const input = el("input", attributes);
      return [input, el("label", { class: "f" }, say(key), input)];
    };
    const forms = [];
    if (hasCard) {
      const [name, nameLabel] = field("name", { required: true, autocomplete: "off", "data-testid": "type-name" });
      const [number, numberLabel] = field("number", { required: true, type: "tel", autocomplete: "off", "data-testid": "type-number" });
      const [place, placeLabel] = field("place", { type: "number", min: "1", max: this.capacity || 254, required: true, inputmode: "numeric", "data-testid": "type-place" });
      this.place = place;
      const said = el("p", { class: "said", role: "status" });
      forms.push(el("form", { onsubmit: (event) => this.submit(event, said, "saved", async () => {
        await ask(this.path + "/type", "POST", { slot: Number(place.value), name: name.value, number: number.value });
        name.value = number.value = "";
        place.dataset.touched = "";
      }) }, el("h4", { class: "unseen" }, say("type_title")), el("p", { class: "soft" }, say("type_about")), nameLabel,
      el("div", { class: "two" }, numberLabel, placeLabel), el("button", { class: "plain", type: "submit", "data-testid": "type-save" }, say("save")), said));
      place.addEventListener("input", () => { place.dataset.touched = "yes"; });
    }
    const [text, textLabel] = field("text", { required: true, maxlength: "160", autocomplete: "off", "data-testid": "sms-text" });
    textLabel.firstChild.textContent = say("text_title");
    const said = el("p", { class: "said", role: "status" });
    forms.push(el("form", { onsubmit: (event) => this.submit(event, said, "sent_text", async () => {
      await ask(this.path + "/sms", "POST", { text: text.value });
      text.value = "";
    }) }, textLabel, el("button", { class: "plain", type: "submit", "data-testid": "sms-send" }, say("send")), said));
    return el("details", { class: "hand" }, el("summary", {}, say("by_hand")), ...forms);
  }

  async submit(event, said, good, act) {
    event.preventDefault();
    said.textContent = "";
    try {
      await act();
      said.dataset.bad = "false";
      said.textContent = say(good);
    } catch (error) {
      said.dataset.bad = "true";
      said.textContent = error.message;
    }
  }

  async do(act) {
    this.said.textContent = "";
    try { await act(); } catch (error) { this.said.textContent = error.message; }
    refresh(this.msisdn);
  }

  show(told) {
    const before = this.told;
    this.told = told;
    this.capacity = told.capacity;
    this.power.checked = told.on;
    this.sub.textContent = told.msisdn;
    this.sub.title = told.iccid ? `${say("card_in")} ${told.iccid}` : "";
    this.article.classList.toggle("is-off", !told.on);
    this.compare(told);
    if ((before && before.call && before.call.id) !== (told.call && told.call.id)) { this.digits = ""; this.note = ""; }
    if (!before && !told.iccid) this.tab = "messages";
    if (before && told.inbox.length > before.inbox.length && told.call) this.tab = "messages";
    if (told.call && !(before && before.call)) this.tab = "call";
    if (!told.call && this.tab === "call") this.tab = told.iccid ? "book" : "messages";
    this.showScreen();
    this.showDial();
    if (this.place && !this.place.dataset.touched && document.activeElement !== this.place) {
      const taken = new Set(told.phone_book.map((entry) => entry.slot));
      let free = 1;
      while (taken.has(free)) free += 1;
      this.place.value = free;
      this.place.max = told.capacity || 254;
    }
  }

  // What is new on the phone since the last look is marked until the next change, and said once.
  compare(told) {
    const now = new Map(told.phone_book.map((entry) => [`${entry.slot}|${entry.name}|${entry.number}`, entry]));
    if (this.seen) {
      const came = [...now].filter(([key]) => !this.seen.has(key));
      const names = new Set([...now.values()].map((entry) => entry.name));
      const went = [...this.seen.values()].filter((entry) => !names.has(entry.name));
      if (came.length || went.length) this.fresh = new Set(came.map(([key]) => key));
      if (came.length) announce(say("arrived", { name: this.name, entry: came.map(([, entry]) => entry.name).join(", ") }));
      else if (went.length) announce(say("went", { name: this.name, entry: went.map((entry) => entry.name).join(", ") }));
    }
    this.seen = now;
  }

  showScreen() {
    const told = this.told;
    const kept = this.pane ? this.pane.scrollTop : 0;
    const focused = this.screen.contains(document.activeElement) ? document.activeElement.dataset.tab : null;
    if (!told.on) {
      this.pane = null;
      this.screen.replaceChildren(el("p", {}, this.mine("off")));
      return;
    }
    const id = this.msisdn.replace(/\D/g, "");
    const clock = new Date().toLocaleTimeString(this.own ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit" });
    const used = told.iccid ? this.mine("used", { n: told.phone_book.length, of: told.capacity }) : this.mine("no_card");
    const tabs = ["book", "messages"].filter((tab) => tab !== "book" || told.iccid);
    const bar = el("div", { class: "tabs", role: "tablist" }, ...tabs.map((tab) => el("button", {
      type: "button", role: "tab", id: `tab-${tab}-${id}`, "data-tab": tab, "data-testid": `tab-${tab}`,
      "aria-selected": String(this.tab === tab), "aria-controls": `pane-${id}`,
      onclick: () => { this.tab = tab; this.showScreen(); } }, this.mine(tab) + (tab === "messages" && told.inbox.length ? ` ${told.inbox.length}` : ""))));
    const pane = el("div", { class: "pane", id: `pane-${id}`, role: "tabpanel", tabindex: "0",
      "aria-label": this.mine(this.tab === "messages" ? "messages" : this.tab === "call" ? "answered" : "book") });
    if (told.call && this.tab === "call") pane.append(this.callView());
    else if (this.tab === "messages") this.messages(pane);
    else this.entries(pane);
    const mini = told.call && this.tab !== "call" ? el("button", { type: "button", class: "call-mini", onclick: () => { this.tab = "call"; this.showScreen(); } }, this.mine(told.call.state === "answered" ? "answered" : "ringing"),
      el("span", {}, this.digits || this.note)) : null;
    this.screen.replaceChildren(el("p", { class: "status" }, el("span", {}, clock), el("span", {}, used)), bar, ...(mini ? [mini] : []), pane);
    this.pane = pane;
    pane.scrollTop = kept;
    if (focused) this.screen.querySelector(`[data-tab="${focused}"]`)?.focus();
  }

  entries(pane) {
    const entries = [...this.told.phone_book].sort((a, b) => a.name.localeCompare(b.name, this.own ? "zh" : "en"));
    if (!entries.length) { pane.append(el("p", { class: "empty" }, this.mine("book_empty"))); return; }
    pane.append(el("ul", {}, ...entries.map((entry) => {
      const isNew = this.fresh.has(`${entry.slot}|${entry.name}|${entry.number}`);
      return el("li", { "data-testid": "entry", "data-slot": entry.slot, class: isNew ? "fresh" : null },
        el("span", { class: "entry-name" }, el("span", { "data-testid": "entry-name" }, entry.name || "–"),
          el("span", { class: "slot" }, isNew ? this.mine("new") : String(entry.slot))),
        el("span", { class: "entry-number", "data-testid": "entry-number" }, entry.number));
    })));
  }

  messages(pane) {
    const cards = this.told.cards_received.map((card) => el("li", { "data-testid": "card" },
      el("span", { class: "meta" }, this.mine("business_card")), el("span", { class: "entry-name" }, card.name),
      el("span", { class: "entry-number" }, card.numbers.join(", "))));
    const texts = this.told.inbox.map((text) => el("li", { "data-testid": "message" },
      el("span", { class: "meta" }, `${this.mine("from", { who: text.from })} · ${time(text.at)}`), text.text));
    const all = [...texts.reverse(), ...cards.reverse()];
    pane.append(all.length ? el("ul", {}, ...all) : el("p", { class: "empty" }, this.mine("messages_empty")));
  }

  callView() {
    const answered = this.told.call.state === "answered";
    return el("div", { class: "call", "data-testid": "call" },
      el("p", {}, this.mine(answered ? "answered" : "ringing")),
      el("p", { class: "who" }, service),
      el("div", { class: "digits", role: "group", "data-testid": "digits", "aria-label": this.mine("keyed") }, this.digits),
      el("p", {}, this.note || (answered ? this.mine("key_hint") : "")));
  }

  showDial() {
    const had = this.dial.contains(document.activeElement);
    const inCall = Boolean(this.told.call);
    const current = this.dial.firstChild;
    if (current && current.dataset.testid === (inCall ? "hangup" : "ring")) { current.disabled = !this.told.on; return; }
    const button = inCall
      ? el("button", { type: "button", class: "main hangup", "data-testid": "hangup", onclick: () => this.do(() => ask(this.path + "/hangup", "POST")) }, say("hangup"))
      : el("button", { type: "button", class: "main ring", "data-testid": "ring", disabled: !this.told.on,
        onclick: () => this.do(() => ask(this.path + "/call", "POST")) }, say("ring"));
    this.dial.replaceChildren(button);
    if (had) button.focus();
  }

  key(key) {
    if (!this.told.call || !this.told.on) return;
    this.note = "";
    if (key === "*") this.digits = "";
    else if (key !== "#") this.digits += key;
    if ((key === "#" && this.digits) || this.digits.length === CODE_LENGTH) this.sendDigits();
    this.showScreen();
  }

  // Digits can also come from the keyboard, when the focus is on this phone but in no field.
  typed(event) {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.told.call && KEYS.includes(event.key)) { event.preventDefault(); this.key(event.key); }
  }

  async sendDigits() {
    const digits = this.digits;
    const purpose = this.told.call.level >= 1 ? "pin" : "code";
    const before = this.told.call.level;
    this.digits = "";
    this.note = this.mine("key_sending");
    try {
      const answer = (await ask(this.path + "/keys", "POST", { digits, for: purpose })) || {};
      if (answer.locked_until) this.note = this.mine("key_locked");
      else if (answer.level > before) this.note = this.mine("key_right");
      else if (answer.tries_left != null) this.note = this.mine("key_wrong", { n: answer.tries_left });
      else this.note = this.mine("key_taken");
    } catch (error) {
      this.note = error.message;
    }
    this.showScreen();
    refresh(this.msisdn);
  }
}

// --- the network -----------------------------------------------------------------------------------------------

// What each switch sets; `off` is the value of a network that is well.
const FAULTS = [
  ["lose_message", 0.33, 0], ["lose_receipt", 0.33, 0], ["lose_por", 0.33, 0], ["duplicate", 0.33, 0], ["reorder", 0.33, 0],
  ["submit_delay_ms", 500, 0], ["receipt_delay_ms", 5000, 0], ["throttle_above_per_s", 2, null], ["refuse", [0x14], []],
  ["drop_connection_every_s", 10, null], ["refuse_bind", true, false],
  ["one_bind", true, false],
];
const switches = new Map();

function drawFaults() {
  byId("faults").append(...FAULTS.map(([name, on, off]) => {
    const input = el("input", { type: "checkbox", role: "switch", class: "switch", "data-testid": `fault-${name}`,
      onchange: () => setFaults({ [name]: input.checked ? on : off }) });
    switches.set(name, input);
    return el("li", {}, el("label", {}, el("span", {}, say(`fault_${name}`), el("span", { class: "soft" }, say(`fault_${name}_more`))), input));
  }));
  byId("all-well").addEventListener("click", () => setFaults(Object.fromEntries(FAULTS.map(([name, , off]) => [name, off]))));
}

async function setFaults(change) {
  const now = await ask("/faults");
  showFaults(await ask("/faults", "PUT", { ...now, ...change }));
}

function showFaults(faults) {
  let on = 0;
  for (const [name, , off] of FAULTS) {
    const active = JSON.stringify(faults[name]) !== JSON.stringify(off);
    switches.get(name).checked = active;
    on += active ? 1 : 0;
  }
  byId("fault-sum").dataset.on = on;
  byId("fault-sum").textContent = on ? say("faults_on", { n: on }) : say("faults_none");
}

function showLink(smsc) {
  const up = smsc.bound > 0;
  byId("link").dataset.state = up ? "up" : "down";
  byId("link-word").textContent = up ? say("link_up") : say("link_down");
}

// --- the log ---------------------------------------------------------------------------------------------------

const ICONS = {
  sent: "M4 12h15M13 6l6 6-6 6", delivered: "M5 13l4 4L19 7", received: "M12 4v12M6 11l6 6 6-6M5 21h14",
  waiting: "M7 3h10M7 21h10M8 3c0 5 8 6 8 9s-8 4-8 9M16 3c0 5-8 6-8 9s8 4 8 9", expired: "M12 7v5l3 3M12 3a9 9 0 1 0 .01 0",
  refused: "M12 3a9 9 0 1 0 .01 0M6 6l12 12", lost: "M6 6l12 12M18 6L6 18",
};

function icon(state) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[state] || ICONS.sent);
  svg.append(path);
  return svg;
}

function time(at) {
  return new Date(at).toLocaleTimeString(column ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function money(micros, currency) {
  return new Intl.NumberFormat(column ? "zh-CN" : "en-GB", { style: "currency", currency, maximumFractionDigits: 3 }).format(micros / 1e6);
}

function showLog({ items, price }) {
  const name = (msisdn) => [...phones.values()].find((phone) => phone.msisdn === `+${msisdn}`)?.name || `+${msisdn}`;
  byId("lines").replaceChildren(...items.map((line) => el("tr", {},
    el("td", {}, el("span", { class: "tag", "data-state": line.state }, icon(line.state), say(`state_${line.state}`))),
    el("td", {}, time(line.at)),
    el("td", {}, name(line.msisdn)),
    el("td", {}, say(`kind_${line.kind}`), " ", el("span", { class: "soft" }, say(line.way === "to" ? "way_to" : "way_from"))),
    el("td", { class: "n", "data-label": line.part ? say("part") : null }, line.part ? say("part_of", { n: line.part[0], of: line.part[1] }) : ""),
    el("td", { class: "n", "data-label": say("octets") }, String(line.octets)))));
  const to = items.filter((line) => line.way === "to");
  const values = { parts: to.length, octets: to.reduce((sum, line) => sum + line.octets, 0) };
  if (price) Object.assign(values, { price: money(price.micros, price.currency), cost: money(price.micros * to.length, price.currency) });
  byId("log-sum").textContent = say(price ? "sum_cost" : "sum", values);
  byId("log-none").hidden = items.length > 0;
  byId("log-sum").hidden = items.length === 0;
  document.querySelector("[data-testid=log]").hidden = items.length === 0;
}

// --- following what happens ------------------------------------------------------------------------------------

const wanted = new Set();
let busy = false;

// Looks again at what changed; many events in a row are one look.
function refresh(what) {
  wanted.add(what);
  if (!busy) { busy = true; setTimeout(look, 60); }
}

async function look() {
  const asked = new Set(wanted);
  wanted.clear();
  const all = asked.has("all");
  try {
    if (all || [...asked].some((what) => what.startsWith("+"))) {
      for (const told of await ask("/handsets")) {
        if (phones.has(told.msisdn)) phones.get(told.msisdn).show(told);
        else {
          const phone = new Phone(told);
          phones.set(told.msisdn, phone);
          byId("row").append(phone.article);
        }
      }
      byId("loading")?.remove();
    }
    if (all || asked.has("trail")) showLog(await ask("/messages"));
    if (all || asked.has("faults")) showFaults(await ask("/faults"));
    if (all || asked.has("smsc")) showLink(await ask("/smsc"));
  } catch (error) {
    console.warn(error);
  }
  busy = false;
  if (wanted.size) refresh([...wanted][0]);
}

function announce(text) {
  byId("live").textContent = text;
}

async function begin() {
  words = await (await fetch("/words.json")).json();
  drawFaults();
  const events = new EventSource(API + "/events");
  events.addEventListener("open", () => { byId("offline").hidden = true; refresh("all"); });
  events.addEventListener("error", () => { byId("offline").hidden = false; });
  for (const what of ["trail", "faults", "smsc", "all"]) events.addEventListener(what, () => refresh(what));
  for (const what of ["handset", "call"]) {
    events.addEventListener(what, (event) => refresh(`+${JSON.parse(event.data).msisdn}`));
  }
}

begin();
