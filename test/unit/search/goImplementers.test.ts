import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { goImplementers } from "../../../src/search/goImplementers.ts";
import { searchIndex } from "../../../src/search/search.ts";
import { type MemoryChunk, MemoryStore } from "../../support/memoryStore.ts";

const go = (path: string, symbols: readonly string[], text: string, kind: MemoryChunk["kind"] = "function"): MemoryChunk => ({ path, lang: "go", kind, symbols, text });
/** How many parameters methods have that are no look-alikes. */
const parameters: Readonly<Record<string, string>> = { Archive: "path string, done func(err error, again bool)", ServeHTTP: "w http.ResponseWriter, r *http.Request", Write: "p []byte" };
const method = (path: string, type: string, name: string, list = parameters[name] ?? ""): MemoryChunk => go(path, [name], `func (it *${type}) ${name}(${list}) (err error) {\n\treturn nil\n}`);
const struct = (path: string, type: string): MemoryChunk => go(path, [type], `// ${type} keeps old files.\ntype ${type} struct {\n\tpath string\n}`, "type");

const versioner = go("lib/versioner.go", ["Versioner"], `type Versioner interface {
\t// Archive keeps a file.
\tArchive(filePath string, done func(error)) error // not Restore
\tGetVersions() (map[string][]FileVersion, interface{})
\tio.Closer
}`, "type");
const closer = go("lib/closer.go", ["Closer"], "type Closer interface{ Close() error }", "type");
const chunks = [
  versioner, closer,
  struct("lib/simple.go", "simple"), method("lib/simple.go", "simple", "Archive"), method("lib/simple.go", "simple", "GetVersions"), method("lib/more.go", "simple", "Close"),
  struct("lib/half.go", "half"), method("lib/half.go", "half", "Archive"), method("lib/half.go", "half", "Close"),
  struct("other/simple.go", "simple"), method("other/simple.go", "simple", "Archive"),
];
const found = (name: string, all: readonly MemoryChunk[] = chunks): readonly string[] => [...goImplementers(new MemoryStore(all), name)].map(([{ path }, type]) => `${path} ${type}`).sort();

describe("types of Go that implement an interface", () => {
  it("have all of its methods, in whichever file of their package, and those of the interfaces that it holds", () => {
    assert.deepEqual(found("Versioner"), ["lib/simple.go simple"]);
    assert.deepEqual(found("Closer"), ["lib/half.go half", "lib/simple.go simple"]);
    assert.deepEqual(found("versioner"), ["lib/simple.go simple"]);
  });

  it("are known by a method where their definition is nowhere, and with type arguments", () => {
    const list = [go("a/list.go", ["Len"], "func (l List[T]) Len() int { return 0 }"), go("a/sized.go", ["Sized"], "type Sized[T any] interface {\n\tLen() int\n}", "type")];
    assert.deepEqual(found("Sized", list), ["a/list.go List"]);
  });

  it("are found for the interfaces of Go's own library, unless something here has the name", () => {
    const served = [struct("web/mux.go", "Mux"), method("web/mux.go", "Mux", "ServeHTTP")];
    assert.deepEqual(found("http.Handler", served), ["web/mux.go Mux"]);
    assert.deepEqual(found("http.Handler", [...served, { path: "a.ts", kind: "function", symbols: ["handler"], text: "export const handler = () => 1;" }]), ["web/mux.go Mux"]);
    assert.deepEqual(found("Handler", [...served, go("web/handler.go", ["Handler"], "type Handler func(Event) error", "type")]), []);
  });

  it("cost no more look-ups where interfaces hold themselves and each other, and many have one name", () => {
    const held = Array.from({ length: 100 }, (_, i) => `Other${i}`);
    const hostile = Array.from({ length: 100 }, (_, i) => go(`lib/a${i}.go`, ["Store", ...held], `type Store interface {\n\tOpen()\n\tStore\n\t${held.join("\n\t")}\n}`, "type"));
    const store = new MemoryStore([...hostile, struct("lib/disk.go", "disk"), method("lib/disk.go", "disk", "Open")]);
    let asked = 0;
    const definitions = (names: readonly string[], limit: number) => (asked++, store.definitions(names, limit));
    assert.deepEqual([...goImplementers({ definitions }, "Store").values()], ["disk"]);
    assert.ok(asked < 60, `${asked} look-ups`);
  });

  it("are some hundreds where interfaces of one name have thousands", () => {
    const verbs = ["Open", "Shut", "Send", "Wait"];
    const all = verbs.flatMap((verb) => [go(`lib/${verb}.go`, ["Step"], `type Step interface {\n\t${verb}()\n}`, "type"), ...Array.from({ length: 300 }, (_, i) => method(`lib/${verb}${i}.go`, `T${verb}${i}`, verb))]);
    assert.equal(goImplementers(new MemoryStore(all), "Step").size, 600);
  });

  it("have as many parameters in each method as it demands", () => {
    const stored = go("a/store.go", ["Store"], "type Store interface {\n\tPut(key string, value map[string]interface{}, opts ...func(a, b int)) (int, error)\n}", "type");
    const put = (type: string, list: string) => [struct(`a/${type}.go`, type), method(`a/${type}.go`, type, "Put", list)];
    const all = [...put("disk", "key string, value map[string]interface{}, opts ...func(a, b int)"), ...put("broken", "\n\tkey string, // first, of two\n\tvalue map[string]interface{},\n\topts ...func(a, b int),\n"), ...put("queue", "item, other string"), ...put("none", "")];
    assert.deepEqual(found("Store", [stored, ...all]), ["a/broken.go broken", "a/disk.go disk"]);
    const written = [struct("a/log.go", "log"), method("a/log.go", "log", "Write", "status, bytes int"), struct("a/file.go", "file"), method("a/file.go", "file", "Write")];
    assert.deepEqual(found("io.Writer", written), ["a/file.go file"]);
  });

  it("are none of what is no interface, nor of another language", () => {
    assert.deepEqual(found("simple"), []);
    assert.deepEqual(found("Shape", [{ path: "a.java", lang: "java", kind: "type", symbols: ["Shape"], text: "interface Shape { double area(); }" }]), []);
  });

  it("stand before what merely says the name, each called by its own", async () => {
    const saying = go("lib/factory.go", ["newVersioner"], "func newVersioner(cfg Config) Versioner {\n\treturn factories[cfg.Versioner](cfg) // a Versioner\n}");
    const together = go("lib/staged.go", ["init", "staged"], 'func init() {\n\tfactories["staged"] = newStaged // a Versioner\n}\n\ntype staged struct {\n\tdays int\n}', "block");
    const all = [...chunks, saying, together, ...["Archive", "GetVersions", "Close"].map((name) => method("lib/staged.go", "staged", name))];
    const { hits } = await searchIndex({ store: new MemoryStore(all), encoder: undefined }, { query: "what implements Versioner", k: 3 });
    assert.deepEqual(hits.slice(0, 2).map(({ path, symbol }) => `${path} ${symbol}`).sort(), ["lib/simple.go simple", "lib/staged.go staged"]);
  });
});
