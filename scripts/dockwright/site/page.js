// What all of the page is made with: elements, and an address that tells what is shown.
"use strict";

const catalog = prepare(window.CATALOG, Date.now());
const $ = (id) => document.getElementById(id);

/** An element with attributes and children; text is always text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const address = () => new URLSearchParams(location.hash.slice(1));

function link(changes) {
  const parameters = address();
  for (const [key, value] of Object.entries(changes)) {
    if (value) parameters.set(key, value);
    else parameters.delete(key);
  }
  return `#${parameters}`;
}

function mark(text, kind) {
  return element("span", { class: `mark ${kind}` }, text);
}

function table(header, rows) {
  const line = (cells, kind) => element("tr", {}, ...cells.map((cell) => element(kind, kind === "th" ? { scope: "col" } : {}, cell ?? "—")));
  return element("div", { class: "wide" }, element("table", {}, element("thead", {}, line(header, "th")),
    element("tbody", {}, ...rows.map((row) => line(row, "td")))));
}

/** What to type, with a button that copies it. */
function snippet(title, text) {
  const code = element("code", {}, text);
  return element("div", { class: "snippet" }, element("span", {}, title), code, ...copier(title, code));
}

/** A button that copies a text that is shown, and what it says of that. */
function copier(title, code) {
  const said = element("span", { role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "copied";
    } catch {  // not allowed here: then the next key does it
      getSelection().selectAllChildren(code);
      said.textContent = "press Ctrl+C";
    }
  };
  return [element("button", { type: "button", onclick: copy, "aria-label": `Copy: ${title}` }, "Copy"), said];
}
