// One timed run under Node, after a warm-up: `node node.js <hand|engine|topology|simjs> <amount> <seed> <folder>`.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [which, amount, seed, folder] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4]), process.argv[5]];

/** The same queue in simjs: one source, one facility with four servers, first come first served. */
async function simjs() {
  // The package is a script for pages; it leaves its exports on `window`.
  globalThis.window = globalThis;
  await import("simjs");
  const { Entity, Facility, Random, Sim } = globalThis.Sim;
  return (count, start) => {
    const random = new Random(start);
    const facility = new Facility("servers", Facility.FCFS, 4);
    class Source extends Entity {
      start() {
        this.left = count;
        this.next();
      }
      next() {
        if (this.left > 0) {
          this.left -= 1;
          this.setTimer(random.exponential(3200)).done(this.arrive, this);
        }
      }
      arrive() {
        this.useFacility(facility, random.exponential(1000));
        this.next();
      }
    }
    const sim = new Sim();
    sim.addEntity(Source, "source");
    sim.simulate(Number.MAX_VALUE);
    const stay = facility.queueStats().durationSeries.average();
    return stay;
  };
}

async function wasm() {
  const module = await import(pathToFileURL(`${folder}/bench.js`));
  module.initSync({ module: readFileSync(`${folder}/bench_bg.wasm`) });
  return { hand: module.by_hand, engine: module.by_engine, topology: module.topology }[which];
}

const run = which === "simjs" ? await simjs() : await wasm();
// The compiler of the virtual machine has seen the code before the clock starts.
run(which === "topology" ? 3 : Math.min(amount, 100_000), seed + 1);
const begun = performance.now();
const value = run(amount, seed);
const ms = performance.now() - begun;
console.log(JSON.stringify({ ms, value }));
