// The catalogue in; which images fit, how two differ, what may be claimed of one, out. No page here.
"use strict";

const FACETS = [
  ["framework", "Framework"],
  ["release", "Version"],
  ["job", "Job"],
  ["accelerator", "Accelerator"],
  ["transformers", "Transformers"],
  ["python", "Python"],
  ["checks", "Checks"],
  ["support", "Support"],
];
const TERM = /^([a-z0-9][a-z0-9._+-]*?)\s*(?:(==|>=|<=|>|<)\s*([0-9][0-9a-z.+!-]*))?$/i;

/** The catalogue with what a page asks of it: facets of each image, packages of each layer. */
function prepare(catalog, today) {
  const packages = new Map();
  for (const [key, layer] of Object.entries(catalog.layers)) {
    packages.set(key, layer.packages.map((text) => text.split(/==?/, 2)));
  }
  const sharers = new Map();
  for (const image of catalog.images) {
    for (const key of new Set(image.layers)) sharers.set(key, (sharers.get(key) ?? 0) + 1);
  }
  const images = catalog.images.map((image) => ({
    ...image,
    release: `${image.framework} ${image.version}`,
    checks: checks(image),
    support: support(image, today),
  }));
  return { ...catalog, images, packages, sharers, byName: new Map(images.map((i) => [i.identifier, i])) };
}

function checks(image) {
  if (!image.smoke) return "not checked";
  const states = image.smoke.others.map((check) => check.status);
  if (states.includes("failed")) return "failed";
  return states.length ? "passed, GPU checks deferred" : "passed";
}

function support(image, today) {
  // The last day counts in full, as it does for `dockwright list`.
  const days = Math.ceil((Date.parse(image.end_of_patch) - today) / 86_400_000);
  if (days < 0) return "no longer patched";
  return days < window.SOON_DAYS ? "ends soon" : "patched";
}

/** Name -> version of everything in an image. */
function packagesOf(catalog, image) {
  return new Map(image.layers.flatMap((key) => catalog.packages.get(key)));
}

const parsed = new Map();

/** The numbers in a version; the same few versions are compared over and over. */
function numbers(text) {
  if (!parsed.has(text)) {
    const parts = text.split("+")[0].split(/[.!-]/);
    parsed.set(text, parts.map((part) => Number.parseInt(part, 10) || 0));
  }
  return parsed.get(text);
}

/** Below, equal or above zero as a version is older, the same or newer; missing parts are zeros. */
function compareVersions(a, b) {
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference) return difference;
  }
  return 0;
}

/** The terms of a package search; null where one cannot be understood. */
function parseTerms(text) {
  const words = text.split(",").map((word) => word.trim()).filter(Boolean);
  const terms = words.map((word) => TERM.exec(word));
  if (terms.includes(null)) return null;
  return terms.map(([, name, operator, version]) => ({
    name: name.toLowerCase().replace(/[._]/g, "-"), operator, version,
  }));
}

function fitsTerm(term, name, version) {
  if (!term.operator) return name.includes(term.name);
  if (name !== term.name) return false;
  const order = compareVersions(version, term.version);
  return { "==": order === 0, ">=": order >= 0, "<=": order <= 0, ">": order > 0, "<": order < 0 }[term.operator];
}

/** The driver in what somebody pasted: `nvidia-smi`'s table, or the version alone. */
function driverIn(text) {
  const found = /Driver Version:\s*(\d+(?:\.\d+)+)/.exec(text) ?? /^\s*(\d{3}(?:\.\d+)*)\s*$/.exec(text);
  return found ? found[1] : null;
}

function runsOn(image, driver) {
  return !image.driver || compareVersions(image.driver, driver) <= 0;
}

/** The images that the package terms and the driver leave. */
function holding(catalog, { terms, driver }) {
  const layers = terms.map((term) => layersWith(catalog, term));
  return catalog.images.filter((image) => (!driver || runsOn(image, driver)) &&
    layers.every((keys) => image.layers.some((key) => keys.has(key))));
}

/** Those of the images that have a wanted value of every facet. */
function matching(images, facets) {
  const asked = Object.entries(facets).filter(([, values]) => values.size);
  return images.filter((image) => asked.every(([name, values]) => values.has(image[name])));
}

/** How many images each value of a facet would leave, all other facets as they are. */
function counts(images, facets, name) {
  const found = new Map();
  for (const image of matching(images, { ...facets, [name]: new Set() })) {
    found.set(image[name], (found.get(image[name]) ?? 0) + 1);
  }
  return found;
}

/** Layers are shared, so each is searched once, however many images have it. */
function layersWith(catalog, term) {
  const keys = new Set();
  for (const [key, packages] of catalog.packages) {
    if (packages.some(([name, version]) => fitsTerm(term, name, version))) keys.add(key);
  }
  return keys;
}

/** What differs between two images, and what who has the first fetches to get the second. */
function difference(catalog, from, to) {
  const [before, after] = [packagesOf(catalog, from), packagesOf(catalog, to)];
  const rows = [...new Set([...before.keys(), ...after.keys()])].sort()
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => ({ name, before: before.get(name), after: after.get(name) }));
  const had = new Set(from.layers);
  const lacking = to.layers.filter((key) => !had.has(key));
  return { rows, lacking: lacking.length, bytes: bytesOf(catalog, lacking) };
}

function bytesOf(catalog, keys) {
  return keys.reduce((sum, key) => sum + (catalog.layers[key].size_bytes ?? 0), 0);
}

const significant = (value) => Number(value.toPrecision(3));

/** Decimal units, three significant digits. */
function humanBytes(count) {
  if (count === null || count === undefined) return "unknown";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (count >= 999.5 && power < units.length - 1) { count /= 1000; power += 1; }
  return `${power ? significant(count) : count} ${units[power]}`;
}
