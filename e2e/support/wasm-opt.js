// Shrinks WebAssembly modules: `node wasm-opt.js a.wasm b.wasm` writes a.small.wasm and b.small.wasm; with
// `--names` first the functions keep their names. The program `wasm-opt` of the same package does the same to one
// module; most of a second goes into starting it, and the app has some hundred modules.
import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";

// Exactly what rustc's wasm32 target emits. With all of them it goes on to use proposals that browsers refuse.
const FEATURES = [
  "BulkMemory",
  "BulkMemoryOpt",
  "CallIndirectOverlong",
  "Multivalue",
  "MutableGlobals",
  "NontrappingFPToInt",
  "ReferenceTypes",
  "SignExt",
];
const features = FEATURES.reduce((all, name) => {
  if (binaryen.Features[name] === undefined) {
    throw new Error(`this version of binaryen has no feature ${name}`);
  }
  return all | binaryen.Features[name];
}, 0);

// -Oz.
binaryen.setOptimizeLevel(2);
binaryen.setShrinkLevel(2);
// The linker puts the stack first and it grows down: nothing is in the first kilobyte, so an offset may go into the
// instruction that loads.
binaryen.setLowMemoryUnused(true);
// A body is not put into its only caller unless it is small: larger ones have more in common with their neighbours than
// with what surrounds the call, which makes the code longer and what brotli makes of it shorter, by 0.8 kB for a question.
binaryen.setOneCallerInlineMaxSize(20);
// Both make the code shorter and what brotli makes of it longer.
binaryen.addPassToSkip("local-cse");
binaryen.addPassToSkip("code-folding");
const names = process.argv[2] === "--names";
binaryen.setDebugInfo(names);

for (const path of process.argv.slice(names ? 3 : 2)) {
  const module = binaryen.readBinary(readFileSync(path));
  module.setFeatures(features);
  // Twice, and flat in between: 1.4 kB less for a page.
  module.runPasses(["flatten", "rereloop"]);
  module.optimize();
  module.optimize();
  module.runPasses([...(names ? [] : ["strip-debug"]), "strip-target-features", "strip-producers"]);
  writeFileSync(path.replace(/\.wasm$/, ".small.wasm"), module.emitBinary());
  module.dispose();
}
