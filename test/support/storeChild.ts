// A process that works on an index until it is killed: `put` stores files batch by batch, `save` writes graphs over and over. Says on stdout how far it is.
import { parsedFile, storeOptions } from "./storeFixture.ts";
import { Store } from "../../src/store/store.ts";

export const BATCH = 20;
export const GRAPH_FROM = 200;
export const batch = (number: number) =>
  Array.from({ length: BATCH }, (_, i) => {
    const name = `file${number * BATCH + i}`;
    return parsedFile(`src/${name}.ts`, [`function ${name}() {\n  return "first ${name}";\n}`, `function ${name}Again() {\n  return "second ${name}";\n}`]);
  });

if (import.meta.main) {
  const [, , work, folder] = process.argv;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const store = await Store.open(storeOptions(folder!, { graphFrom: GRAPH_FROM }));
  await store.settled();
  if (work === "put") {
    for (let number = store.coverage().files / BATCH; ; number++) {
      store.putFiles(batch(number));
      say(String(number + 1));
    }
  } else {
    for (let number = 0; number < 40; number++) store.putFiles(batch(number));
    for (let round = 0; ; round++) {
      // Something changes each time, so that every save writes.
      if (round % 2 === 0) store.removeFiles(batch(0).map(({ path }) => path));
      else store.putFiles(batch(0));
      while (!store.drainGraphs(1000));
      say(`saving ${round}`);
      await store.saveGraphs();
    }
  }
}
