// The page: its address tells what it shows, so every view is a link; the model decides what fits.
"use strict";

const PAGE = 40;
const boxes = [];
let shown = PAGE;

function wanted() {
  const parameters = address();
  const facets = Object.fromEntries(FACETS.map(([name]) => [name, new Set(parameters.getAll(name))]));
  const driver = parameters.get("driver");
  return {
    facets,
    terms: parseTerms(parameters.get("packages") ?? ""),
    host: driver ? { driver, gpus: parameters.getAll("gpu") } : null,
  };
}

// --- filters

function buildFacets() {
  for (const [name, title] of FACETS) {
    const values = [...new Set(catalog.images.map((image) => image[name]).filter(Boolean))];
    if (!values.length) continue;
    values.sort((a, b) => compareVersions(b, a) || a.localeCompare(b));
    const labels = values.map((value) => {
      const box = element("input", { type: "checkbox", name, value, onchange: readFilters });
      const count = element("small");
      boxes.push({ box, count });
      return element("label", {}, box, element("span", {}, value), count);
    });
    $("facets").append(element("fieldset", {}, element("legend", {}, title), ...labels));
  }
}

function readFilters() {
  const parameters = new URLSearchParams();
  for (const { box } of boxes) if (box.checked) parameters.append(box.name, box.value);
  if ($("packages").value.trim()) parameters.set("packages", $("packages").value.trim());
  const host = hostIn($("smi").value);
  if (host) parameters.set("driver", host.driver);
  for (const gpu of host?.gpus ?? []) parameters.append("gpu", gpu);
  if (address().get("compare")) parameters.set("compare", address().get("compare"));
  shown = PAGE;
  history.replaceState(null, "", `#${parameters}`);
  render();
}

function showFilters({ facets, terms, host }, images) {
  const found = new Map(FACETS.map(([name]) => [name, counts(images, facets, name)]));
  for (const { box, count } of boxes) {
    box.checked = facets[box.name].has(box.value);
    const left = found.get(box.name).get(box.value) ?? 0;
    count.textContent = left;
    box.parentElement.classList.toggle("none", left === 0);
  }
  if (document.activeElement !== $("packages")) $("packages").value = address().get("packages") ?? "";
  $("packages").setAttribute("aria-invalid", terms === null);
  const pasted = $("smi").value.trim();
  if (!pasted && host) { $("smi").value = typed(host); $("driver-box").open = true; }
  $("smi-read").textContent = host ? readHost(host) : pasted ? "No driver version found in it." : "";
}

/** A host as a link has it, in words that are read back as the same. */
function typed({ driver, gpus }) {
  return [gpus.length ? `Driver Version: ${driver}` : driver, ...gpus.map((name) => `|   0  ${name}  Off |`)].join("\n");
}

function readHost({ driver, gpus }) {
  const named = gpus.map((name) => `${name} (${capabilityOf(catalog, name) ?? "which is in no table here"})`);
  return `Driver ${driver}${named.length ? ` with ${named.join(", ")}` : ""}: images that do not run there are left out.`;
}

// --- the list

function renderList(found) {
  const total = catalog.images.length;
  $("count").textContent = found === null ? "That is not understood: write names such as peft >= 0.18, torch."
    : `${found.length} of ${total} images`;
  $("list").replaceChildren(...(found ?? []).slice(0, shown).map(card));
  $("more").hidden = !found || found.length <= shown;
}

function card(image) {
  const compare = address().get("compare");
  const title = element("a", { href: link({ image: image.identifier }) }, image.title);
  const other = compare && compare !== image.identifier;
  const button = element("a", {
    class: "button",
    "aria-label": `Compare ${image.title}${other ? " with the one that was chosen" : ""}`,
    href: other ? link({ image: null, compare: `${compare},${image.identifier}` }) : link({ compare: image.identifier }),
  }, other ? "Compare with this" : "Compare");
  return element("section", { class: image.yank ? "card yanked" : "card" },
    element("h2", {}, title),
    element("p", { class: "reference" }, `${image.repository}:${image.tag}`),
    image.yank ? element("p", {}, mark("yanked", "bad"), ` ${image.yank.reason}`) : null,
    element("p", { class: "facts" },
      image.yank ? null : mark(image.status, image.status === "in the registry" ? "good" : "open"),
      image.is_signed === false ? mark("not signed", "bad") : null,
      mark(image.checks, image.checks === "passed" ? "good" : image.checks === "failed" ? "bad" : "open"),
      mark(image.support, image.support === "patched" ? "good" : "bad"),
      element("span", {}, humanBytes(image.size_bytes)),
      element("span", {}, `Python ${image.python}`),
      image.driver ? element("span", {}, `driver ≥ ${image.driver}, ${onSageMaker(image.driver)}`) : null),
    button);
}

function renderComparing(compare) {
  const image = catalog.byName.get(compare);
  $("comparing").hidden = !image;
  if (!image) return;
  $("comparing").replaceChildren(
    element("span", {}, "Compare ", element("strong", {}, image.title), " with which other image? "),
    element("a", { href: link({ compare: null }) }, "Stop comparing"));
}

// --- what the address says

function render() {
  const asked = wanted();
  const image = catalog.byName.get(address().get("image"));
  const pair = (address().get("compare") ?? "").split(",").map((name) => catalog.byName.get(name));
  const isPair = pair.length === 2 && pair.every(Boolean);
  const hasDetail = Boolean(image || isPair);
  $("detail").hidden = !hasDetail;
  $("results").hidden = $("filters").hidden = hasDetail;
  $("results").parentElement.classList.toggle("one", hasDetail);
  if (image) renderDetail(image);
  else if (isPair) renderComparison(...pair);
  const images = asked.terms === null ? [] : holding(catalog, asked);
  showFilters(asked, images);
  renderComparing(address().get("compare"));
  renderList(asked.terms === null ? null : matching(images, asked.facets));
  document.title = image ? image.title : "Deep Learning Containers";
}

function navigate() {
  render();
  // A new view is read from its start; typing in a filter stays where it is.
  const view = $("detail").hidden ? $("results") : $("detail");
  if (document.activeElement === document.body || view.contains(document.activeElement)) view.focus();
  window.scrollTo(0, 0);
}

buildFacets();
$("facet-box").open = !matchMedia("(max-width: 48rem)").matches;
$("made").textContent = `${catalog.images.length} images, as ${catalog.source ?? "this working copy's records"} `
  + `told on ${catalog.made_at.slice(0, 10)}${catalog.key ? `; what ${catalog.key} has not signed does not count` : ""}`;
$("packages").addEventListener("input", readFilters);
$("smi").addEventListener("input", readFilters);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters").addEventListener("reset", () => { location.hash = ""; $("smi").value = ""; $("packages").value = ""; });
$("more").addEventListener("click", () => { shown += PAGE; render(); });
window.addEventListener("hashchange", navigate);
render();
