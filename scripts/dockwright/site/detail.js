// One image, or two beside each other: everything that is known, and what is not.
"use strict";

function renderDetail(image) {
  $("detail").replaceChildren(
    element("p", {}, element("a", { href: link({ image: null }) }, "← All images")),
    element("h2", {}, image.title),
    ...(image.yank ? [withdrawal(image)] : []),
    facts(image),
    element("h3", {}, "Use it"), ...useOf(image),
    ...(image.driver ? [element("h3", {}, "GPUs"), gpuFacts(image)] : []),
    element("h3", {}, "Checks"), checksOf(image),
    element("h3", {}, "Known vulnerabilities"), scanOf(image),
    element("h3", {}, "How fast it is"), benchOf(image),
    element("h3", {}, "Evidence"), ...evidenceOf(image),
    element("h3", {}, "Release notes"), notesOf(image),
    element("h3", {}, "Layers"), layersOf(image),
    element("h3", {}, "Packages"), packageTable(image));
}

function withdrawal({ yank, repository }) {
  const other = catalog.images.find((one) => one.repository === repository && !one.yank
    && [one.tag, one.immutable_tag, ...one.aliases].includes(yank.replacement));
  const instead = other ? element("a", { href: link({ image: other.identifier }) }, yank.replacement) : yank.replacement;
  return element("p", { class: "warning", role: "note" },
    mark(`Yanked on ${yank.yanked_at.slice(0, 10)}: do not use it.`, "bad"), ` ${yank.reason}`,
    ...(instead ? [element("br"), "Use instead: ", instead] : []));
}

function definitions(rows) {
  return element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function facts(image) {
  const tags = [image.tag, ...image.aliases, image.immutable_tag].filter(Boolean);
  return definitions([
    ["Tags", tags.join("\n")],
    ["Digest", image.digest ?? (catalog.source ? `not pushed to ${catalog.source}` : "not built from today's inputs")],
    ["Size", `${humanBytes(image.size_bytes)} compressed, ${humanBytes(image.unpacked_bytes)} unpacked; `
      + `at most ${humanBytes(image.budget_bytes)}`],
    ["Released", image.ga],
    ["Patched until", `${image.end_of_patch} (${image.support})`],
  ]);
}

// --- to copy

/** The image's name: by digest where a registry has it, since an engine knows no other images so. */
function pinned(image) {
  return image.pushed_to ? `${image.pushed_to}@${image.digest}` : `${image.repository}:${image.tag}`;
}

function useOf(image) {
  if (image.yank) return [element("p", {}, "It was yanked: there is nothing to copy here.")];
  if (!image.pushed_to && catalog.source) return [element("p", {}, `${catalog.source} does not have it: there is nothing to pull.`)];
  const reference = `${image.pushed_to ?? image.repository}:${image.tag}`;
  return [
    image.pushed_to ? snippet("Pull", `docker pull ${reference}`)
      : element("p", {}, "It was not pushed to a registry yet: this is its name on an engine."),
    snippet("Build on it", `FROM ${pinned(image)}`),
    snippet("SageMaker", sagemaker(image, reference)),
  ];
}

function sagemaker(image, reference) {
  return image.job === "inference"
    ? `HuggingFaceModel(image_uri="${reference}", model_data=…, role=…).deploy(…)`
    : `HuggingFace(image_uri="${reference}", entry_point="train.py", role=…, …).fit(…)`;
}

// --- what is known

function gpuFacts(image) {
  const newer = image.job === "inference"
    ? "For an endpoint name a newer InferenceAmiVersion in the production variant."
    : "For a training job take an instance type whose hosts have it.";
  return definitions([
    ["CUDA", image.cuda ?? "unknown"],
    ["Driver", `${image.driver} or newer`],
    ["On SageMaker", `${onSageMaker(image.driver)} (${SAGEMAKER_DRIVERS.join(" to ")}). ${newer}`],
    ["Runs on", image.targets?.length ? gpusOf(catalog, image).join(", ") : "unknown: its framework does not say"],
    ["Compiled for", image.targets?.join(", ") || "unknown"],
  ]);
}

function checksOf(image) {
  if (!image.smoke) return element("p", {}, "This image was not checked: nothing is promised.");
  const others = image.smoke.others.map((check) => element("li", {}, mark(check.status, check.status === "failed" ? "bad" : "open"),
    ` ${check.name}: ${check.detail}`));
  return element("div", {},
    element("p", {}, `${image.smoke.passed} passed in real containers of this digest on ${image.smoke.finished_at.slice(0, 10)}`
      + (others.length ? "; these have not:" : ".")),
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
  const { host, finished_at, against, metrics, others } = image.bench;
  const day = finished_at.slice(0, 10);
  const rows = metrics.map((m) => [m.suite, m.name, humanValue(m.median, m.unit),
    `${humanValue(m.low, m.unit)} to ${humanValue(m.high, m.unit)}`, plot(m, reach(metrics)), m.cost ? comparison(m) : null]);
  const measured = [
    element("p", {}, `Medians on ${host}, ${day}, with 95 % confidence. `
      + (against ? `The plots show cost by that of ${against}: the line in the midst is no change, right of it is worse.`
        : "The plots show how sure each one is: the line in the midst is the median.")),
    table(["suite", "metric", "median", "between", "plot", "compared"], rows),
  ];
  return element("div", {},
    ...(rows.length ? measured : [element("p", {}, `Tried on ${host}, ${day}; nothing was measured:`)]),
    element("ul", {}, ...Object.entries(others).map(([suite, text]) => {
      const [state, ...why] = text.split(": ");
      return element("li", {}, mark(state, "open"), ` ${suite}: ${why.join(": ")}`);
    })));
}

function comparison({ cost, verdict }) {
  const change = (cost[1] - 1) * 100;
  return mark(`${change < 0 ? "" : "+"}${change.toFixed(1)} % ${verdict}`, VERDICTS[verdict]);
}

const VERDICTS = { better: "good", same: "", worse: "bad", unknown: "open" };

/** The two ends of what a metric is shown by: its cost by another image's, else its interval by its median. */
const ends = ({ cost, low, median, high }) => cost ? [cost[0], cost[2]] : [low / median, high / median];

/** How far the furthest end of all metrics is from no change, on a logarithmic scale. */
function reach(metrics) {
  const far = metrics.flatMap(ends).filter((ratio) => ratio > 0).map((ratio) => Math.abs(Math.log(ratio)));
  return Math.max(Math.log(1.1), ...far);
}

/** A metric's interval as a drawing; its numbers stand beside it. */
function plot(metric, far) {
  const x = (ratio) => 80 + 76 * Math.log(Math.max(ratio, 1e-9)) / far;
  const [low, high] = ends(metric).map(x);
  const middle = metric.cost ? x(metric.cost[1]) : 80;
  const kind = metric.verdict ? VERDICTS[metric.verdict] : "";
  return drawing(160, 16,
    ["line", { x1: 80, x2: 80, y1: 0, y2: 16, class: "axis" }],
    ["line", { x1: low, x2: high, y1: 8, y2: 8, class: `interval ${kind}` }],
    ["circle", { cx: middle, cy: 8, r: 3.5, class: `interval ${kind}` }]);
}

function drawing(width, height, ...shapes) {
  const made = (name, attributes) => {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    return shape;
  };
  const svg = made("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  svg.append(...shapes.map((shape) => made(...shape)));
  return svg;
}

// --- evidence and notes

function evidenceOf(image) {
  if (!image.pushed_to) return [element("p", {}, "Evidence lies beside an image in its registry, and this one is in none.")];
  const key = catalog.key ?? "cosign.pub";
  const signed = { true: `${catalog.key} has signed this image.`, false: `${catalog.key} has not signed this image.` };
  return [
    element("p", {}, signed[image.is_signed] ?? "Whether it is signed was not looked at: this catalogue knows no key."),
    snippet("Verify", `dockwright verify ${pinned(image)} --key ${key}`),
    snippet("By cosign", `cosign verify --key ${key} --insecure-ignore-tlog=true ${pinned(image)}`),
    snippet("List it", `oras discover ${pinned(image)}`),
    element("details", {}, element("summary", {}, `${image.evidence.length} pieces`),
      ...image.evidence.map(({ kind, digest, created_at }) =>
        snippet(`${kind}\n${created_at.slice(0, 10)}`, `oras pull ${image.pushed_to}@${digest} -o evidence`))),
  ];
}

function notesOf(image) {
  const { title, image: version, pins, since, changes, conflicts } = catalog.releases[image.release];
  const direct = changes.filter((change) => change.is_direct);
  const row = ({ name, before, after, step }) => [name, before, after, step];
  const header = ["package", "before", "after", "step"];
  return element("div", {},
    element("p", {}, `${title}, image version ${version}. `,
      element("a", { href: `notes/${image.release}.md` }, "As Markdown")),
    since ? element("p", {}, `Since ${since}, ${changes.length} packages have changed; the pinned ones:`)
      : element("p", {}, "There is no release of this framework before it. It pins:"),
    since ? table(header, direct.map(row)) : table(["package", "version"], Object.entries(pins)),
    since ? element("details", {}, element("summary", {}, "All others"),
      table(header, changes.filter((change) => !change.is_direct).map(row))) : null,
    ...Object.entries(conflicts).map(([line, why]) => element("p", {}, mark("known conflict", "open"), ` ${line}: ${why}`)));
}

// --- what is inside

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
    element("p", { class: "legend", "aria-hidden": "true" },
      element("span", { class: "shared" }), " shared with other images ", element("span", { class: "own" }), " its own"),
    element("details", {}, element("summary", {}, `${image.layers.length} layers`),
      element("ol", {}, ...parts.map(([, item]) => item))));
}

function packageTable(image) {
  const rows = [...packagesOf(catalog, image)].sort(([a], [b]) => a.localeCompare(b));
  if (!rows.length) return element("p", {}, "Which they are is not known.");
  return element("details", {}, element("summary", {}, `${rows.length} packages`), table(["package", "version"], rows));
}

// --- two images

function renderComparison(from, to) {
  const { rows, lacking, bytes } = difference(catalog, from, to);
  const names = ["status", "framework", "version", "transformers", "python", "job", "accelerator", "driver", "checks", "support"];
  const differing = names.filter((name) => from[name] !== to[name]).map((name) => [name, from[name], to[name]]);
  $("detail").replaceChildren(
    element("p", {}, element("a", { href: link({ compare: null }) }, "← All images")),
    element("h2", {}, "Two images"),
    element("p", {}, `Who has the first fetches ${humanBytes(bytes)} in ${lacking} of ${to.layers.length} layers to get the second.`),
    table(["", from.title, to.title], [...differing, ["size", humanBytes(from.size_bytes), humanBytes(to.size_bytes)]]),
    element("h3", {}, `${rows.length} packages differ`),
    table(["package", from.title, to.title], rows.map(({ name, before, after }) => [name, before, after])));
}
