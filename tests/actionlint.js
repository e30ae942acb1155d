// node actionlint.js FOLDER FILE…: FOLDER has rhysd/actionlint as WebAssembly, and Go's glue for it.
const fs = require("node:fs");
const path = require("node:path");

const [folder, ...files] = process.argv.slice(2);
globalThis.throwError = (message) => {
  throw new Error(message);
};
require(path.join(folder, "wasm_exec.js"));

async function main() {
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(path.join(folder, "main.wasm")), go.importObject);
  go.run(instance);
  let found = 0;
  for (const file of files) {
    for (const problem of await runActionlint(fs.readFileSync(file, "utf8"), file)) {
      if (problem.message) {
        found += 1;
        console.log(`${path.basename(file)}:${problem.line}:${problem.column}: ${problem.message} [${problem.kind}]`);
      }
    }
  }
  process.exit(found ? 1 : 0);
}

main();
