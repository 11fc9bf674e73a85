// The catalogue in; which images fit, how two differ, what may be claimed of one, out. No page here.
"use strict";

const FACETS = [
  ["status", "Status"],
  ["framework", "Framework"],
  ["named", "Version"],
  ["job", "Job"],
  ["kind", "Accelerator"],
  ["cudaLine", "CUDA"],
  ["needs", "NVIDIA driver"],
  ["transformers", "Transformers"],
  ["python", "Python"],
  ["checks", "Checks"],
  ["support", "Support"],
  ["flavor", "Team"],
];
// What SageMaker's default hosts have, from the oldest to the newest.
const SAGEMAKER_DRIVERS = ["470", "550"];
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
    status: status(catalog, image),
    named: `${image.framework} ${image.version}`,
    kind: image.accelerator === "cpu" ? "cpu" : "gpu",
    cudaLine: image.cuda?.split(".").slice(0, 2).join("."),
    needs: image.driver ? `${image.driver} or newer` : undefined,
    checks: checks(image),
    support: support(image, today),
  }));
  images.sort((a, b) => Boolean(a.yank) - Boolean(b.yank));
  const gpus = catalog.gpus.flatMap((gpu) => gpu.names.map((name) => ({ name, words: words(name), capability: gpu.capability })));
  return { ...catalog, images, gpus, packages, sharers, byName: new Map(images.map((i) => [i.identifier, i])) };
}

function status(catalog, image) {
  if (image.yank) return "yanked";
  if (image.pushed_to) return "in the registry";
  if (catalog.source) return "not pushed";
  return image.digest ? "built, not pushed" : "not built";
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

// --- GPU hosts, as `dockwright compat` judges them

const MAKERS = new Set(["nvidia", "tesla", "geforce", "quadro"]);
const TARGET = /^(sm|compute)_([1-9][0-9]?)([0-9])([af]?)$/;
const GPU_ROW = /^\|\s+[0-9]+\s+(\S.*?)\s+(?:On|Off|N\/A|WDDM|TCC)\s+\|/gm;

const words = (name) => name.trim().toLowerCase().split(/[\s-]+/).filter((word) => !MAKERS.has(word));

/** Driver and GPUs in what somebody pasted: `nvidia-smi`'s table, or the driver's version alone. */
function hostIn(text) {
  const driver = /Driver Version:\s*(\d+(?:\.\d+)+)/.exec(text) ?? /^\s*(\d{3}(?:\.\d+)*)\s*$/.exec(text);
  return driver && { driver: driver[1], gpus: [...new Set([...text.matchAll(GPU_ROW)].map((row) => row[1]))] };
}

/** A GPU's compute capability by the longest known name that its own begins with, if any does. */
function capabilityOf(catalog, name) {
  const asked = words(name);
  const known = catalog.gpus.filter((gpu) => gpu.words.every((word, at) => word === asked[at]));
  return known.sort((a, b) => b.words.length - a.words.length)[0]?.capability ?? null;
}

/** Whether code for a target runs on a GPU: `sm` code within its major version, `compute` on newer ones, too. */
function targetRuns(target, capability) {
  const [, kind, major, minor, suffix] = TARGET.exec(target);
  const order = compareVersions(capability, `${major}.${minor}`);
  if (suffix === "a") return order === 0;
  return order >= 0 && ((kind === "compute" && suffix !== "f") || capability.split(".")[0] === major);
}

/** The names of the GPUs that an image's framework is compiled for. */
function gpusOf(catalog, image) {
  return catalog.gpus.filter((gpu) => image.targets.some((target) => targetRuns(target, gpu.capability)))
    .map((gpu) => gpu.name);
}

function runsOn(catalog, image, { driver, gpus }) {
  if (image.driver && driver && compareVersions(image.driver, driver) > 0) return false;
  if (!image.targets?.length) return true;
  return gpus.map((name) => capabilityOf(catalog, name))
    .every((capability) => capability === null || image.targets.some((target) => targetRuns(target, capability)));
}

/** What the oldest driver means on SageMaker, in a few words. */
function onSageMaker(driver) {
  const [oldest, newest] = SAGEMAKER_DRIVERS;
  if (compareVersions(driver, oldest) <= 0) return "all of SageMaker's default hosts have it";
  if (compareVersions(driver, newest) > 0) return "newer than on SageMaker's default hosts";
  return "not on all of SageMaker's default hosts";
}

/** The images that the package terms and the host leave. */
function holding(catalog, { terms, host }) {
  const layers = terms.map((term) => layersWith(catalog, term));
  return catalog.images.filter((image) => (!host || runsOn(catalog, image, host)) &&
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

/** A measured value as the commands print it. */
function humanValue(value, unit) {
  if (unit === "B") return humanBytes(value);
  return unit === "s" && value < 1 ? `${significant(value * 1000)} ms` : `${significant(value)} ${unit}`;
}

/** Decimal units, three significant digits. */
function humanBytes(count) {
  if (count === null || count === undefined) return "unknown";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (count >= 999.5 && power < units.length - 1) { count /= 1000; power += 1; }
  return `${power ? significant(count) : count} ${units[power]}`;
}
