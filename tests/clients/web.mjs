// onnxruntime-web on its wasm backend. NODE_PATH names the node_modules that it is in.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// An import would not look in NODE_PATH.
const ort = createRequire(import.meta.url)("onnxruntime-web");
ort.env.wasm.numThreads = 1;

const [modelPath, goldenPath] = process.argv.slice(2);
const model = readFileSync(modelPath);
const golden = JSON.parse(readFileSync(goldenPath, "utf8"));
if (createHash("sha256").update(model).digest("hex") !== golden.model) {
  throw new Error(`${goldenPath} was made for another file than ${modelPath}`);
}
const [n, height, width] = golden.shape;
// Of a line, an answer has steps, and each of those as many classes.
const [first] = golden.probabilities;
const each = Array.isArray(first[0]) ? [first.length, first[0].length] : [first.length];
const frames = Uint8Array.from(Buffer.from(golden.frames, "base64"));
const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });

async function answer(first, count) {
  const bytes = frames.slice(first * height * width, (first + count) * height * width);
  const shape = golden.input === "image" ? [height, width] : [count, height, width];
  const { probabilities } = await session.run({ [golden.input]: new ort.Tensor("uint8", bytes, shape) });
  if (probabilities.type !== "float32" || String(probabilities.dims) !== String([count, ...each])) {
    throw new Error(`${probabilities.type} [${probabilities.dims}] came out instead of float32 [${count},${each}]`);
  }
  const size = each.reduce((product, length) => product * length);
  return Array.from({ length: count }, (_, i) => probabilities.data.slice(size * i, size * (i + 1)));
}

const oneByOne = [];
for (let i = 0; i < n; i++) {
  oneByOne.push(...(await answer(i, 1)));
}
const runs = golden.input === "image" ? [oneByOne] : [await answer(0, n), oneByOne];

const differences = runs.flatMap((run) =>
  run.flatMap((row, i) => golden.probabilities[i].flat().map((expected, place) => Math.abs(row[place] - expected))),
);
const classes = each.at(-1);
const said = (row, step) => {
  const answer = row.slice(classes * step, classes * (step + 1));
  return answer.indexOf(Math.max(...answer));
};
const isSame = (row, digits) => [digits].flat().every((digit, step) => digit === null || said(row, step) === digit);
const same = golden.digits.filter((digits, i) => runs.every((run) => isSame(run[i], digits)));
const report = {
  client: "onnxruntime-web",
  version: ort.env.versions.web,
  max_abs_diff: Math.max(...differences),
  same_digit: same.length,
  n,
};
console.log(JSON.stringify(report));
