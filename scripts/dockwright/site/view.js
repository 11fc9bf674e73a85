// The page: its address tells what it shows, so every view is a link; the model decides what fits.
"use strict";

const PAGE = 40;
const catalog = prepare(window.CATALOG, Date.now());
const $ = (id) => document.getElementById(id);
const boxes = [];
let shown = PAGE;

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

function wanted() {
  const parameters = address();
  const facets = Object.fromEntries(FACETS.map(([name]) => [name, new Set(parameters.getAll(name))]));
  return { facets, terms: parseTerms(parameters.get("packages") ?? ""), driver: parameters.get("driver") };
}

// --- filters

function buildFacets() {
  for (const [name, title] of FACETS) {
    const values = [...new Set(catalog.images.map((image) => image[name]))];
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
  const driver = driverIn($("smi").value);
  if (driver) parameters.set("driver", driver);
  if (address().get("compare")) parameters.set("compare", address().get("compare"));
  shown = PAGE;
  history.replaceState(null, "", `#${parameters}`);
  render();
}

function showFilters({ facets, terms, driver }, images) {
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
  if (!pasted && driver) { $("smi").value = driver; $("driver-box").open = true; }
  $("smi-read").textContent = driver ? `Driver ${driver}: images that need a newer one are left out.`
    : pasted ? "No driver version found in it." : "";
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
    href: other ? link({ image: null, compare: `${compare},${image.identifier}` }) : link({ compare: image.identifier }),
  }, other ? "Compare with this" : "Compare");
  return element("section", { class: "card" },
    element("h2", {}, title),
    element("p", { class: "reference" }, `${image.repository}:${image.tag}`),
    element("p", { class: "facts" },
      mark(image.checks, image.checks === "passed" ? "good" : image.checks === "failed" ? "bad" : "open"),
      mark(image.support, image.support === "patched" ? "good" : "bad"),
      element("span", {}, humanBytes(image.size_bytes)),
      element("span", {}, `Python ${image.python}`),
      image.driver ? element("span", {}, `driver ≥ ${image.driver}`) : null,
      button));
}

function mark(text, kind) {
  return element("span", { class: `mark ${kind}` }, text);
}

function renderComparing(compare) {
  const image = catalog.byName.get(compare);
  $("comparing").hidden = !image;
  if (!image) return;
  $("comparing").replaceChildren(
    element("span", {}, "Compare ", element("strong", {}, image.title), " with which other image? "),
    element("a", { href: link({ compare: null }) }, "Stop comparing"));
}

// --- one image

function renderDetail(image) {
  const reference = `${image.pushed_to ?? image.repository}:${image.tag}`;
  // An engine knows an image by digest only where it came from a registry.
  const pinned = image.pushed_to ? `${image.pushed_to}@${image.digest}` : reference;
  $("detail").replaceChildren(
    element("p", {}, element("a", { href: link({ image: null }) }, "← All images")),
    element("h2", {}, image.title),
    facts(image),
    element("h3", {}, "Use it"),
    ...(image.pushed_to ? [] : [element("p", {}, "It was not pushed to a registry yet: this is its name on an engine.")]),
    ...(image.pushed_to ? [snippet("Pull", `docker pull ${reference}`)] : []),
    snippet("Build on it", `FROM ${pinned}`),
    snippet("SageMaker", sagemaker(image, reference)),
    ...(image.pushed_to ? [snippet("Verify", `dockwright verify ${pinned}`)] : []),
    element("h3", {}, "Checks"), checksOf(image),
    element("h3", {}, "Known vulnerabilities"), scanOf(image),
    element("h3", {}, "How fast it is"), benchOf(image),
    element("h3", {}, "Layers"), layersOf(image),
    element("h3", {}, "Packages"), packageTable(image));
}

function facts(image) {
  const rows = [
    ["Tags", [image.tag, ...image.aliases].join("\n")],
    ["Digest", image.digest ?? "not built from today's inputs"],
    ["Size", `${humanBytes(image.size_bytes)} compressed, ${humanBytes(image.unpacked_bytes)} unpacked; `
      + `at most ${humanBytes(image.budget_bytes)}`],
    ["Driver", image.driver ? `${image.driver} or newer. SageMaker's default hosts have 470 to 550: `
      + "for a newer one name a newer AMI version in the endpoint's or job's configuration." : "none needed"],
    ["Released", image.ga],
    ["Patched until", `${image.end_of_patch} (${image.support})`],
  ];
  return element("dl", {}, ...rows.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
}

function sagemaker(image, reference) {
  return image.job === "inference"
    ? `HuggingFaceModel(image_uri="${reference}", model_data=…, role=…).deploy(…)`
    : `HuggingFace(image_uri="${reference}", entry_point="train.py", role=…, …).fit(…)`;
}

function snippet(title, text) {
  const said = element("span", { role: "status" });
  const code = element("code", {}, text);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "copied";
    } catch {  // not allowed here: then the next key does it
      getSelection().selectAllChildren(code);
      said.textContent = "press Ctrl+C";
    }
  };
  return element("div", { class: "snippet" },
    element("span", {}, title), code,
    element("button", { type: "button", onclick: copy, "aria-label": `Copy: ${title}` }, "Copy"), said);
}

function checksOf(image) {
  if (!image.smoke) return element("p", {}, "This image was not checked: nothing is promised.");
  const others = image.smoke.others.map((check) => element("li", {}, mark(check.status, check.status === "failed" ? "bad" : "open"),
    ` ${check.name}: ${check.detail}`));
  return element("div", {},
    element("p", {}, `${image.smoke.passed} passed in real containers of this digest on ${image.smoke.finished_at.slice(0, 10)}.`),
    element("ul", {}, ...others));
}

function scanOf(image) {
  if (!image.scan) return element("p", {}, "It was not scanned: nothing is known.");
  const { finished_at, newest, findings, problems } = image.scan;
  const told = Object.entries(findings).map(([urgency, count]) => `${count} ${urgency}`).join(", ");
  return element("div", {},
    element("p", {}, mark(problems.length ? "failed" : "passed", problems.length ? "bad" : "good"),
      ` on ${finished_at.slice(0, 10)}, by advisories up to ${newest.slice(0, 10)}: ${told}.`),
    element("ul", {}, ...problems.map((problem) => element("li", {}, problem))));
}

function benchOf(image) {
  if (!image.bench) return element("p", {}, "It was not measured.");
  const { host, finished_at, metrics, others } = image.bench;
  const rows = metrics.map((m) => [m.suite, m.name, `${significant(m.median)} ${m.unit}`,
    `${significant(m.low)} to ${significant(m.high)}`]);
  return element("div", {},
    element("p", {}, `Medians on ${host}, ${finished_at.slice(0, 10)}, with 95 % confidence.`),
    table(["suite", "metric", "median", "between"], rows),
    element("ul", {}, ...Object.entries(others).map(([suite, why]) =>
      element("li", {}, mark(why.split(":")[0], "open"), ` ${suite}: ${why}`))));
}

function layersOf(image) {
  const total = bytesOf(catalog, image.layers) || 1;
  const parts = image.layers.map((key) => {
    const layer = catalog.layers[key];
    const others = catalog.sharers.get(key) - 1;
    const told = `${layer.name}: ${humanBytes(layer.size_bytes)}, ${others ? `shared with ${others} other images` : "its own"}`;
    const part = element("span", { class: others ? "shared" : "own", title: told });
    part.style.flexGrow = (layer.size_bytes ?? 0) / total;
    return [part, element("li", {}, told)];
  });
  return element("div", {},
    element("div", { class: "bar", "aria-hidden": "true" }, ...parts.map(([part]) => part)),
    element("details", {}, element("summary", {}, `${image.layers.length} layers`),
      element("ol", {}, ...parts.map(([, item]) => item))));
}

function packageTable(image) {
  const rows = [...packagesOf(catalog, image)].sort(([a], [b]) => a.localeCompare(b));
  return table(["package", "version"], rows);
}

function table(header, rows) {
  const line = (cells, kind) => element("tr", {}, ...cells.map((cell) => element(kind, {}, cell ?? "—")));
  return element("div", { class: "wide" }, element("table", {}, element("thead", {}, line(header, "th")),
    element("tbody", {}, ...rows.map((row) => line(row, "td")))));
}

// --- two images

function renderComparison(from, to) {
  const { rows, lacking, bytes } = difference(catalog, from, to);
  const names = ["framework", "version", "transformers", "python", "job", "accelerator", "driver", "checks", "support"];
  const facts = names.filter((name) => from[name] !== to[name]).map((name) => [name, from[name], to[name]]);
  $("detail").replaceChildren(
    element("p", {}, element("a", { href: link({ compare: null }) }, "← All images")),
    element("h2", {}, "Two images"),
    element("p", {}, `Who has the first fetches ${humanBytes(bytes)} in ${lacking} of ${to.layers.length} layers to get the second.`),
    table(["", from.title, to.title], [...facts, ["size", humanBytes(from.size_bytes), humanBytes(to.size_bytes)]]),
    element("h3", {}, `${rows.length} packages differ`),
    table(["package", from.title, to.title], rows.map(({ name, before, after }) => [name, before, after])));
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
$("made").textContent = `${catalog.images.length} images, as known on ${catalog.made_at.slice(0, 10)}`;
$("packages").addEventListener("input", readFilters);
$("smi").addEventListener("input", readFilters);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters").addEventListener("reset", () => { location.hash = ""; $("smi").value = ""; $("packages").value = ""; });
$("more").addEventListener("click", () => { shown += PAGE; render(); });
window.addEventListener("hashchange", navigate);
render();
