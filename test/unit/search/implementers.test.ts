import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gatherCandidates } from "../../../src/search/candidates.ts";
import { fittingSymbol } from "../../../src/search/hitSymbol.ts";
import { implementersOf } from "../../../src/search/implementers.ts";
import { parseQuery } from "../../../src/search/query.ts";
import { rank } from "../../../src/search/ranking.ts";
import { readQuestion } from "../../../src/search/reading.ts";
import { isRelated } from "../../../src/search/relations.ts";
import { candidateFeatures } from "../../../src/search/search.ts";
import { translated } from "../../../src/search/translation.ts";
import { assertGrowsEvenly } from "../../support/cost.ts";
import { type MemoryChunk, MemoryStore } from "../../support/memoryStore.ts";

describe("the type whose implementers a question asks for", () => {
  const isDefined = (name: string): boolean => ["shape", "lease"].includes(name);
  for (const [question, name] of [
    ["what implements OrderStore", "OrderStore"],
    ["which classes extend BaseHandler?", "BaseHandler"],
    ["which exception classes extend AppError", "AppError"],
    ["who inherits from `Shape`", "Shape"],
    ["subclasses of Shape", "Shape"],
    ["all subclasses of logging.Handler", "Handler"],
    ["implementations of the OrderStore interface", "OrderStore"],
    ["implementation of the Store trait for redis", "Store"],
    ["implementers of Comparable<T>", "Comparable"],
    ["implementors of Store", "Store"],
    ["classes derived from SocketHandler", "SocketHandler"],
    ["types that conform to Codable", "Codable"],
    ["classes implementing Store", "Store"],
    ["modules that include Enumerable", "Enumerable"],
    ["structs that embed sync.Mutex", "Mutex"],
    ["everything that satisfies io.Reader", "Reader"],
    ["which modules implement the Plug behaviour", "Plug"],
    ["where is the Store interface implemented", "Store"],
    ["where is BaseHandler subclassed", "BaseHandler"],
    ["what is OrderStore implemented by", "OrderStore"],
    ["OrderStore implementations", "OrderStore"],
    ["show all Shape subclasses", "Shape"],
    ["implementations of Monolog\\Handler\\HandlerInterface", "HandlerInterface"],
    ["subclasses of StandardError", "StandardError"],
    ["subclasses of \\App\\Models\\User", "User"],
    ["what classes implement OrderStore", "OrderStore"],
    ["what exception types extend AppError", "AppError"],
    ["does anything implement OrderStore", "OrderStore"],
    ["do any classes extend BaseHandler", "BaseHandler"],
    ["subclasses of dict", "dict"],
    ["Which classes implement Protocol", "Protocol"],
    ["implementations of Type", "Type"],
    ["who extends shape", "shape"],
    ["which types implement the shape interface", "shape"],
    ["who extends the lease of a lock", undefined],
    ["what implements caching", undefined],
    ["where is parseDate implemented", undefined],
    ["implementation of parseDate", undefined],
    ["how does JsonStore implement Store", undefined],
    ["what does JsonStore extend", undefined],
    ["what does JsonStore extend Store with", undefined],
    ["what should implement Store", undefined],
    ["how is retry implemented", undefined],
    ["which files include stdio.h", undefined],
    ["implement a queue with priorities", undefined],
    ["which class implements it", undefined],
    ["TypeError: Class extends value undefined is not a constructor", undefined],
  ] as const)
    it(`of "${question}" is ${name ?? "none"}`, () => assert.deepEqual(parseQuery(question, isDefined).relation, name === undefined ? undefined : { kind: "implements", name }));

  for (const [keywords, relation] of [
    ["implements OrderStore", { kind: "implements", name: "OrderStore" }],
    ["class extends Shape", { kind: "implements", name: "Shape" }],
    ["OrderStore implementing classes", { kind: "implements", name: "OrderStore" }],
    ["Shape inherit class", { kind: "implements", name: "Shape" }],
    ["caller parseDate", { kind: "uses", name: "parseDate" }],
    ["implement OrderStore", undefined],
    ["order store implementations", undefined],
    ["shape subclasses", { kind: "implements", name: "shape" }],
    ["who call shape", { kind: "uses", name: "shape" }],
    ["call the server", undefined],
    ["call shape", undefined],
    ["shape calls", undefined],
    ["extend lease", undefined],
    ["extends the lease", undefined],
    ["derive shape", undefined],
  ] as const)
    it(`of the keywords "${keywords}" is ${relation?.name ?? "none"}`, () => assert.deepEqual(parseQuery(keywords, isDefined).relation, relation));

  for (const [question, name] of [
    ["Welche Klassen implementieren OrderStore?", "OrderStore"],
    ["Klassen, die OrderStore implementieren", "OrderStore"],
    ["¿qué clases implementan OrderStore?", "OrderStore"],
    ["quelles classes implémentent OrderStore", "OrderStore"],
    ["quais classes estendem Shape", "Shape"],
    ["sottoclassi di Shape", "Shape"],
    ["подклассы Shape", "Shape"],
    ["які класи реалізують OrderStore", "OrderStore"],
    ["哪些类实现了 OrderStore", "OrderStore"],
    ["OrderStoreを実装するクラス", "OrderStore"],
    ["Shape 을 상속하는 클래스", "Shape"],
    ["OrderStore'u uygulayan sınıflar", "OrderStore"],
  ] as const)
    it(`of "${question}" is ${name}`, () => assert.deepEqual(parseQuery(translated(question, () => false)!.english, isDefined).relation, { kind: "implements", name }));

  for (const question of ["Wo wird parseDate aufgerufen", "qui appelle parseDate", "谁调用 parseDate", "parseDateを呼び出している箇所", "parseDate'i kim çağırıyor"])
    it(`and "${question}" asks for callers`, () => assert.deepEqual(parseQuery(translated(question, () => false)!.english).relation, { kind: "uses", name: "parseDate" }));

  it("is looked for in a moment, whatever was pasted", async () => {
    for (const piece of ["a.", "a::", "a:", "a/", "a-", "a#"]) await assertGrowsEvenly(380, (n) => parseQuery(`who is ${piece.repeat(n / piece.length)}-b implemented by`));
  });

  it("and who asks for uses of it asks for these", () => {
    assert.deepEqual(parseQuery("who uses the OrderStore interface").relation, { kind: "uses", name: "OrderStore" });
    assert.deepEqual(parseQuery("callers of ParseError").relation, { kind: "uses", name: "ParseError" });
  });
});

describe("a place implements or extends a type", () => {
  const certain: Readonly<Record<string, readonly string[]>> = {
    java: ["public final class Circle extends Shape {\n", "class Circle<T extends Number>\n    extends Base<T>\n    implements Serializable,\n        Comparable<Circle>, Shape {\n", "interface Solid extends Plane, geometry.Shape {\n", "enum Kind implements Shape {\n", "record Square(int side) implements Shape {\n", "@Named(\"circle\") class Circle extends Shape // round\n{\n"],
    typescript: ["export class Circle extends Shape<Round> implements Drawn {\n", "const shapes = class extends Shape {\n", "export interface Solid extends Readonly<Size>, Shape {\n", "class Circle extends colored(Shape) {\n", "export default class Circle\n  extends Base\n  implements Shape\n{\n"],
    javascript: ["module.exports = class Circle extends Shape {\n", "class Circle extends geometry.Shape {\n"],
    vue: ["class Circle extends Shape {\n"],
    python: ["class Circle(Shape):\n", "class Circle(\n    Base,  # first\n    geometry.Shape,\n    metaclass=Meta,\n):\n", "class Circle[T](Shape[T], total=False):\n", "    class Inner(Shape): pass\n", "class Circle(with_color(Shape)):\n", "Shape.register(Circle)\n"],
    kotlin: ["class Circle(val size: Int) : Shape(size), Drawn {\n", "data class Circle(\n    val size: Int,\n) : Shape\n", "object Nothing : Shape {\n", "val one = object : Shape {\n", "interface Solid<T : Any> : Shape\n", "class Circle(inner: Drawn) :\n    Drawn by inner,\n    Shape\n"],
    swift: ["final class Circle: Shape, Drawn {\n", "extension Circle: Shape where Size: Numeric {\n", "protocol Solid: Shape {\n", "struct Square<T>: geometry.Shape {\n"],
    csharp: ["public sealed class Circle : Shape, IDrawn\n{\n", "internal record Square(int Side) : Shape(Side)\n{\n", "class Box<T> : IBox<T>, Shape where T : class\n{\n"],
    cpp: ["class Circle final : public virtual geo::Shape, private Drawn {\n", "template <class T> struct Box : Shape<T> {\n", "class geo::Circle : public Shape {\n"],
    c: ["class Circle : public Shape {\n"],
    rust: ["impl Shape for Circle {\n", "impl<T: Clone> geo::Shape<T> for Vec<T>\nwhere\n    T: Send,\n{\n", "unsafe impl Shape for Circle {}\n", "pub trait Solid: Send + Shape {\n"],
    go: ["type Circle struct {\n\tShape\n\tsize int\n}\n", "type Solid interface {\n\tgeo.Shape\n\tVolume() int\n}\n", "type Box struct {\n\tsize int\n\t*geo.Shape `json:\"shape\"` // held\n}\n", "type Circle struct{ Shape }\n", "type Solid interface{ geo.Shape; Volume() int }\n", "var _ Shape = (*Circle)(nil)\n", "var _ geo.Shape = Circle{}\n"],
    ruby: ["class Circle < Shape\n", "class Circle < Geo::Shape # round\n", "module Round\n  include Comparable, Shape\n", "Circle = Class.new(Shape) do\n"],
    crystal: ["struct Circle < Shape\n"],
    php: ["final class Circle extends \\Geo\\Shape implements Drawn\n{\n", "class Circle implements Drawn, Shape\n{\n", "class Circle\n{\n    use Shape;\n", "enum Kind: string implements Shape {\n"],
    scala: ["case class Circle(size: Int) extends Base(size) with Shape\n", "object Nothing extends Shape {\n", "trait Solid[T <: Any] extends geo.Shape[T]\n", "class Circle(size: Int)\n  extends Base\n  with Shape:\n"],
    dart: ["class Circle extends Base<int> with Drawn implements Shape {\n"],
    elixir: ["  @behaviour Shape\n", "  use Geo.Shape, size: 3\n", "defimpl Shape, for: Circle do\n"],
    erlang: ["-behaviour(shape).\n"],
    haskell: ["instance Shape Circle where\n", "instance (Show a, Eq a) => Shape (Box a) where\n", "class (Eq a, Shape a) => Solid a where\n", "deriving instance Shape Circle\n"],
    solidity: ["contract Circle is Owned, Shape(3) {\n"],
    graphql: ["type Circle implements Node & Shape {\n"],
    fsharp: ["    inherit Shape(3)\n", "    interface Shape with\n"],
    "visual-basic": ["    Inherits Shape\n", "    Implements IDrawn, Shape\n"],
    perl: ["use parent -norequire, 'Shape';\n", "use base qw(Drawn Geo::Shape);\n", "our @ISA = ('Shape');\n", "extends 'Shape';\n"],
    r: ['Circle <- R6Class("Circle", inherit = Shape,\n', 'setClass("Circle", contains = "Shape")\n'],
    julia: ["struct Circle{T<:Real} <: Shape\n", "abstract type Solid <: Shape end\n"],
    ocaml: ["  inherit Geo.shape 3\n".replace("shape", "Shape"), "module Circle : Shape = struct\n"],
    lisp: ["(defclass circle (drawn Shape)\n"],
    clojure: ["(defrecord Circle [size]\n  geo/Shape\n  (area [this] 3))\n", "(extend-type Circle Shape\n", "(reify Shape\n"],
    pascal: ["  TCircle = class(TBase, Shape)\n"],
    matlab: ["classdef Circle < Drawn & Shape\n"],
    nim: ["type Circle = ref object of Shape\n"],
    fortran: ["  type, extends(Shape) :: circle\n"],
    ada: ["   type Circle is new Shape with record\n"],
    "objective-c": ["@interface Circle : Base <Drawn, Shape>\n", "@interface Circle : Shape\n", "@interface Circle (Area) <Shape>\n"],
    d: ["class Circle : Base, Shape {\n"],
    groovy: ["class Circle extends Shape {\n"],
    powershell: ["class Circle : Shape {\n"],
    tcl: ["    superclass Shape\n"],
    bitbake: ["inherit cmake Shape\n"],
    gdscript: ["extends Shape\n"],
    haxe: ["class Circle extends Shape implements Drawn {\n"],
    verilog: ["class circle extends Shape;\n"],
    scss: [".circle {\n  @extend .Shape;\n"],
  };
  for (const [lang, texts] of Object.entries(certain)) it(`in ${lang}`, () => texts.forEach((text) => assert.equal(implementersOf("Shape")({ text, lang }) || implementersOf("shape")({ text, lang }), 1, text)));

  it("less certainly where it is made without a class of its own, or derived", () => {
    for (const [lang, text] of [
      ["rust", "#[derive(Debug, Shape)]\nstruct Circle;\n"],
      ["haskell", "data Circle = Circle Int\n  deriving (Eq, Shape)\n"],
      ["java", "add(new Shape() {\n"],
      ["java", "add(new Shape(size(3), 4) {\n"],
      ["scala", "val one = new Shape {\n"],
      ["typescript", "export const circle: Shape = {\n"],
      ["typescript", "const circle = { size: 3 } satisfies Shape;\n"],
      ["typescript", "type Circle = Shape & { size: number };\n"],
      ["javascript", "util.inherits(Circle, Shape);\n"],
      ["javascript", "Circle.prototype = Object.create(Shape.prototype);\n"],
      ["c", "static const struct Shape circle = {\n"],
      ["lua", 'local Circle = Shape:extend("Circle")\n'],
      ["elixir", "  @derive [Shape]\n"],
    ] as const) {
      const certainty = implementersOf("Shape")({ text, lang });
      assert.ok(isRelated(certainty) && certainty < 1, `${text}: ${certainty}`);
    }
  });

  it("and not where it merely says the type, or another one of nearly that name", () => {
    for (const [lang, text] of [
      ["java", "for (Side side : sides(new Shape())) {\n"],
      ["java", "Shape[] all = new Shape[] { one, two };\n"],
      ["java", 'String code = "class Circle extends Shape {";\n'],
      ["java", " * Shape one = new Shape() {\n"],
      ["csharp", "var one = new Shape { Size = 1 };\n"],
      ["csharp", "class Box<T> where T : Shape\n{\n"],
      ["swift", "extension Array where Element: Shape {\n"],
      ["rust", "pub struct Box<T>\nwhere\n    T: Shape,\n{\n"],
      ["kotlin", "class Box<T> where T : Shape {\n"],
      ["typescript", "function draw(shape: Shape = {}) {\n"],
      ["c", "  struct Shape one = {0};\n"],
      ["sql", "-- inherits (Shape)\n"],
      ["java", "class Circle implements Comparable<Shape> {\n  Shape next() {\n"],
      ["java", "class Circle extends Shape.Builder {\n"],
      ["java", "sealed interface Plane permits Shape, Circle {\n"],
      ["java", "// class Circle extends Shape {\n"],
      ["java", "/**\n * class Circle extends Shape {\n"],
      ["java", "interface Shape {\n  Shape scaled();\n}\nclass Other {}\n"],
      ["java", "class Circle extends ShapeBase {\n"],
      ["typescript", "class Circle { constructor(readonly shape: Shape) {} }\n"],
      ["typescript", "function area(record: Shape, object: Shape): void {\n"],
      ["typescript", "const [a, b]: Shape[] = [];\n"],
      ["typescript", "import { Shape } from './shape';\n"],
      ["python", "class Circle:\n    shape: Shape\n\n    def scaled(self) -> Shape:\n"],
      ["python", "class Circle(Base, key=Shape):\n"],
      ["python", 'class Base:\n    """As in:\n\n        class Circle(Shape):\n    """\n'],
      ["python", "def area(shape: Shape):\n    return classify(Shape)\n"],
      ["kotlin", "class Circle(val shape: Shape)\nval other: Shape = Circle()\n"],
      ["kotlin", "class Circle : Base<Shape> {\n"],
      ["swift", "class var shared: Shape {\n"],
      ["csharp", "class Box<T> : IBox<T> where T : Shape\n{\n"],
      ["cpp", "Circle::Circle(struct Size size) : Shape(size) {\n"],
      ["cpp", "class Shape;\nint area = sizeof(struct Circle) ? 1 : Shape;\n"],
      ["rust", "impl Circle {\n    fn shape(&self) -> Shape {\n"],
      ["rust", "impl From<Shape> for Circle {\n"],
      ["rust", "impl !Shape for Circle {}\n"],
      ["go", "const (\n\tCircle = iota\n\tShape\n)\n"],
      ["go", "type Circle struct {\n\tshape Shape\n}\n"],
      ["ruby", "class Circle\n  shape < Shape\n"],
      ["php", "use Geo\\Shape;\n\nclass Circle\n{\n"],
      ["php", "namespace Geo;\n\nuse Geo\\Shape;\n"],
      ["scala", "class Circle(shape: Shape)\n"],
      ["elixir", "  alias Geo.Shape\n"],
      ["haskell", "area :: Shape -> Int\n"],
      ["markdown", "class Circle extends Shape {\n"],
    ] as const)
      assert.ok(!isRelated(implementersOf("Shape")({ text, lang })), `${lang}: ${text}`);
  });

  it("whatever its case, where it is asked for in lower case", () => {
    assert.equal(implementersOf("shape")({ text: "class Circle(Shape):\n", lang: "python" }), 1);
    assert.equal(implementersOf("Shape")({ text: "class Circle(shape):\n", lang: "python" }), 0);
  });

  it("in time that grows with the text, however long its rows are and whatever is quoted", async () => {
    for (const [lang, text] of [
      ["typescript", (n: number) => ": a::".repeat(n)],
      ["java", (n: number) => `/* ${"class Shape ".repeat(n)}`],
      ["python", (n: number) => `"""\n${"class A(Shape)\n".repeat(n)}`],
    ] as const)
      await assertGrowsEvenly(3_000, (n) => implementersOf("Shape")({ text: `${text(n)}Shape`, lang }));
  });

  it("in time that grows with the text, however that is made", async () => {
    const repeated = ["impl ", "class ", "class A Shape ", "class A : ", "class A(B)\n", "impl Shape ", "struct {\n", "(reify a\n ", "new a<", "deriving (", ": a = ", "a:b ", "Shape,", "B<", "type a = ", "\n", " ", "a.", "@derive ", "use parent "];
    for (const piece of repeated)
      await assertGrowsEvenly(200, (n) => {
        const text = piece.repeat(n);
        for (const lang of ["typescript", "python", "kotlin", "cpp", "go", "rust", "php", "clojure", "haskell", "elixir", "java", "perl", "objective-c", "ruby"]) for (const whole of [`${text}Shape`, `class A extends ${text} Shape`, `struct {${text}\n\tShape`]) implementersOf("Shape")({ text: whole, lang });
      });
  });
});

describe("who asks for implementers", () => {
  const chunks: MemoryChunk[] = [
    { path: "store.ts", text: "/** Where orders are kept: classes that implement the order store are asked for these. */\nexport interface OrderStore {\n  load(id: string): Order;\n}", symbols: ["OrderStore"], kind: "type" },
    { path: "memory.ts", text: "export class MemoryOrders implements OrderStore {\n  load() {}\n}", symbols: ["MemoryOrders"], kind: "class", startLine: 1, endLine: 3 },
    { path: "memory.ts", text: "export class Cached extends Base implements OrderStore {\n  load() {}\n}", symbols: ["Cached"], kind: "class", startLine: 5, endLine: 7 },
    { path: "files.ts", text: "export class FileOrders implements OrderStore {\n  load() {}\n}", symbols: ["FileOrders"], kind: "class" },
    ...Array.from({ length: 30 }, (_, i): MemoryChunk => ({ path: `uses${i}.ts`, text: `class Service${i} { constructor(readonly store: OrderStore) {} } // implement classes`, symbols: [`Service${i}`], kind: "class" })),
  ];
  const store = new MemoryStore(chunks);
  const namesFor = (question: string, k: number) => {
    const { query } = readQuestion(store, question, { isWord: () => false, isTyping: false, mayRespell: true });
    const candidates = gatherCandidates(store, query, undefined, k, "");
    return rank(candidates.items, candidateFeatures({ store, encoder: undefined }, query, undefined, candidates), query, k).map(({ candidate: { place } }) => place.symbols[0]);
  };

  it("gets them first, all of a file too, then the type", () => {
    for (const question of ["which classes implement OrderStore", "implementors of OrderStore", "OrderStore implementations"]) {
      const names = namesFor(question, 10);
      assert.deepEqual(names.slice(0, 3).sort(), ["Cached", "FileOrders", "MemoryOrders"], question);
      assert.ok(names.includes("OrderStore"), question);
    }
  });

  it("gets them where hundreds of places say the type", () => {
    const many = new MemoryStore([...Array.from({ length: 500 }, (_, i): MemoryChunk => ({ path: `far${i}.ts`, text: `OrderStore OrderStore ${i}`, symbols: [`a${i}`] })), { path: "last.ts", text: `export class LastOrders extends Other<OrderStore> implements Far, OrderStore {\n${"  other();\n".repeat(60)}}`, symbols: ["LastOrders"], kind: "class" }]);
    const query = parseQuery("what implements OrderStore");
    const candidates = gatherCandidates(many, query, undefined, 10, "");
    const [first] = rank(candidates.items, candidateFeatures({ store: many, encoder: undefined }, query, undefined, candidates), query, 10);
    assert.equal(first?.candidate.place.path, "last.ts");
  });

  it("sees the name of what implements it, not the type's, where they share a chunk", () => {
    const query = parseQuery("subclasses of AppError");
    const text = "class AppError(Exception):\n    pass\n\n\nclass Retry:\n    error = AppError\n\n\nclass NotFound(AppError):\n    pass\n";
    assert.equal(fittingSymbol(query, query.terms.map(() => 1))({ symbols: ["AppError", "Retry", "NotFound"], text, lang: "python", breadcrumb: "" }), "NotFound");
  });

  it("sees the type's name where that is what a hit has to say", () => {
    const named = (question: string, symbols: readonly string[], text: string) => fittingSymbol(parseQuery(question), [])({ symbols, text, lang: "typescript", breadcrumb: "" });
    assert.equal(named("what implements OrderStore", ["Order", "OrderStore"], "export interface Order {\n  id: string;\n}\nexport interface OrderStore {\n  load(): Order;\n}"), "OrderStore");
    assert.equal(named("who calls parseDate", ["formatDate", "parseDate"], "function formatDate(date) {\n  return date;\n}\nfunction parseDate(text) {\n  return text;\n}"), "parseDate");
  });
});
