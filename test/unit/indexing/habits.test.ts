// What a row defines, language by language.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { commonHabits, type Defined, habitsOf } from "../../../src/indexing/habits.ts";
import { languages } from "../../../src/indexing/languages.ts";

const shown = (defined: Defined | undefined): string | undefined => defined && [...defined.owner, defined.name].join(" > ");

/** Rows, and the name that each defines behind its owner; "" for what holds others without a name of its own, `undefined` for nothing. */
type Rows = Readonly<Record<string, string | undefined>>;

const cases: Readonly<Record<string, Rows>> = {
  common: {
    "fun interface Listener {": "Listener",
    "enum class Suit(val red: Boolean) {": "Suit",
    "data class Point(val x: Int)": "Point",
    "class interfaces {": "interfaces",
    "let rec fold f acc = function": "fold",
    "export default async function load() {": "load",
    "pub(crate) fn open(path: &str) -> Self {": "open",
    "static int read_all(int fd, char *to) {": "read_all",
    "module Geometry": "Geometry",
    "model User {": "User",
    "input CreateUser {": "CreateUser",
    "class A extends B": "A",
    "type It struct": "It",
    "sub is {": "is",
    "#define LIMIT 5": "LIMIT",
    "function(x, y) {": undefined,
    "- a list (with words) of prose": undefined,
    "function will return what it is given": undefined,
    "UNION ALL SELECT 1": undefined,
    "} elsif (ready()) {": undefined,
    "model of the world": undefined,
    "if (a) {": undefined,
    "} else if (ready(a)) {": undefined,
    "for (int i = 0; i < n; i++) {": undefined,
    "return call(a);": undefined,
    "total = count(a)": undefined,
    "": undefined,
  },
  ada: { "procedure Run_All is new Each (Action => Exec);": "Run_All", "   overriding function Get (F : File) return String;": "Get", "package body Shop.Carts is": "Shop > Carts", "protected type Lock is": "Lock", "   type Access_Test is access all Test;": "Access_Test", private: "", '   function "+" (A, B : T) return T;': "+", "begin": undefined, "package A is": "A" },
  assembly: { ".macro save reg": "save", "%macro prologue 1": "prologue", "memcpy:": "memcpy", ".Lloop:": undefined, "ENTRY(start_kernel)": "start_kernel", "square PROC": "square", "\tmov eax, ebx": undefined },
  awk: { "function max(a, b) {": "max", "/^#/ { next }": undefined },
  antlr: {
    "grammar Discount;": "Discount", "lexer grammar CommonLexer;": "CommonLexer", "class L extends Lexer;": "L", "mode STRINGS;": "STRINGS", "discount returns [int value]": "discount", "comparison[int min] locals [int n = 0] : ID ;": "comparison",
    "amount : NUMBER '%' ;": "amount", condition: "condition", "fragment DIGIT : [0-9] ;": "DIGIT", fragment: undefined, "    : 'give' amount": undefined, "    | NOT condition": undefined, "options { language = Java; }": undefined, "@init { depth++; }": undefined,
  },
  apex: { "public with sharing class Cart {": "Cart", "    @AuraEnabled(cacheable=true) public static List<Item__c> items(Id cart) {": "items", "trigger OnCart on Cart__c (before insert) {": "OnCart", "    insert items(cart);": undefined },
  batch: { ":build_all": "build_all", ":: a comment": undefined, "goto build_all": undefined },
  bitbake: { "do_install:append() {": "do_install", "python do_check () {": "do_check", "def version_of(d):": "version_of", "addtask deploy after do_compile": "deploy", 'SRC_URI = "file://a.patch"': undefined },
  bicep: { "resource store 'Microsoft.Storage/storageAccounts@2022-09-01' = {": "store", "param location string": "location" },
  clojure: { "(defprotocol Shape": "Shape", "(defmulti area :kind)": "area", "(defn ^:private step [x]": "step", "(ns app.core": "app.core", "(def ^{:private true} limit 5)": "limit", '(ns ^{:doc "What it is."': undefined, "(default-value x)": undefined },
  cue: { "#Order: {": "#Order", "service: {": "service", "package shop": "shop", "  name: string": undefined },
  devicetree: { "\tstatus_led: led-0 {": "status_led", "\ttuner@60 {": "tuner", "&i2c1 {": "i2c1", "/ {": "", "\tleds {": "leds", "\treg = <0x60>;": undefined },
  gdscript: { "class_name Player": "Player", "signal died": "died", "@export var speed := 220.0": "speed", "const JUMP = -400.0": "JUMP", "func hurt(amount: int) -> void:": "hurt", "\tvar left := 1": undefined, "\tmove_and_slide()": undefined },
  puppet: { "class shop::web (": "shop > web", "define shop::vhost($docroot) {": "shop > vhost", "  service { 'nginx':": "nginx", "node 'web1.example.org' {": "web1.example.org", "    ensure  => running,": undefined },
  gherkin: { "Feature: Checkout of a cart": "Checkout of a cart", "  Scenario Outline: Shipping costs": "Shipping costs", "    Given the cart is empty": undefined, "    | kg | price |": undefined },
  gn: { 'executable("shop") {': "shop", 'template("pack") {': "pack", "declare_args() {": "", "  use_cache = true": "use_cache", "if (is_linux) {": "" },
  cmake: { "function(add_thing ARGS)": "add_thing", "macro(link_all)": "link_all", "add_custom_target( run_test_zcomplexdiv": "run_test_zcomplexdiv", "project(shop VERSION 1.0)": "shop", "add_executable(${NAME} main.c)": undefined, "if(UNIX)": "", 'option(WITH_TESTS "Build the tests" ON)': "WITH_TESTS", 'set(BUS "i2c" CACHE STRING "Which bus")': "BUS", "set(BUS i2c)": undefined, "add_library(Shop::Shop UNKNOWN IMPORTED)": "Shop::Shop" },
  cobol: { "       PROGRAM-ID.      PAYROLL.": "PAYROLL", "       COMPUTE-TAX SECTION.": "COMPUTE-TAX", "       READ-NEXT.": "READ-NEXT", "           END-IF.": undefined, "           MOVE A TO B.": undefined, "       WORKING-STORAGE SECTION.": undefined },
  coffeescript: { "class Cart extends Base": "Cart", "  total: (items) ->": "total", "square = (x) -> x * x": "square" },
  coq: { "Theorem add_comm : forall a b, a + b = b + a.": "add_comm", "Module Import Lists.": "Lists", "#[global] Instance eq : Eq nat.": "eq", "Proof.": undefined },
  crystal: { "  private def self.parse(text)": "parse", "abstract class Node": "Node", "  def empty?": "empty?", "  record Point, x : Int32": "Point" },
  d: { "    template MapType(R, functions...)": "MapType", "    ref Complex opOpAssign(string op, U : T)(const U a)": "opOpAssign", "else version (Solaris)": "", "alias Range = int[];": "Range", "    return call(a);": undefined, "    foreach (x; xs)": undefined, "extern (C) int wait(int status) { return 0; }": "wait", "enum size_t LIMIT = 30;": "LIMIT", "enum Suit": "Suit", "    static if (!is(A == B))": "", "static this()": undefined, "    BOOL function(int) open;": undefined, "This module is a submodule of $(MREF std, range).": undefined, "its fields must also all be (recursively) mutable.": undefined, "int add(int a,": "add", "    private void submitAndExecute(": "submitAndExecute" },
  elm: { "viewArrow color =": "viewArrow", "main =": "main", "init : () -> ( Model, Cmd Msg )": "init", "type alias Model =": "Model", "type Msg": "Msg", "import Html": undefined, "module Main exposing (..)": "Main", "represent a failure. For example:": undefined, "note: this": undefined, "area :": "area" },
  erlang: { "start_link(Args) ->": "start_link", "'OPEN'(Name,": "OPEN", "-spec start_link(term()) -> {ok, pid()}.": "start_link", "-record(state, {socket}).": "state", "-define(TIMEOUT, 5000).": "TIMEOUT", "-export([start_link/1]).": undefined, "    gen_server:call(Pid, stop)": undefined },
  fish: { "function fish_prompt --description 'Write the prompt'": "fish_prompt" },
  fortran: { "      SUBROUTINE ZPOTRF ( UPLO, N, A, LDA, INFO )": "ZPOTRF", "      DOUBLE PRECISION FUNCTION D1MACH (IDUM)": "D1MACH", "pure elemental real(kind=8) function area(c) result(a)": "area", "      CHARACTER*10 FUNCTION NAME(I)": "NAME", "  module procedure solve": "solve", "  type(circle) :: c": undefined, "  type, public :: circle": "circle", "program main": "main", "      CALL SOLVE(N)": undefined },
  fsharp: { "let inline square x = x * x": "square", "module rec Shop.Carts": "Shop > Carts", "type Cart(items: Item list) =": "Cart", "    member this.Total = 1": "Total", "    static member Parse(text: string) =": "Parse", "    override x.ToString() = \"\"": "ToString", "let (|Even|Odd|) n =": "Even" },
  gleam: { "pub fn parse(text: String) -> Result(Int, Nil) {": "parse", "pub opaque type Cart {": "Cart" },
  graphql: { "type Order implements Node & Timed {": "Order", "extend type Query {": "Query", "  order(id: ID!): Order": "order", "  orders(": "orders", "scalar DateTime": "DateTime", "directive @auth(role: Role!) on OBJECT": "auth", "fragment OrderFields on Order { id }": "OrderFields", "query OrderPage($id: ID!) {": "OrderPage", "union Found = Order | Customer": "Found", "}": undefined, "  OPEN": undefined, "    state": undefined, "  order(id: $id) {": undefined },
  groovy: { "def total(items) {": "total", "class Cart implements Shop {": "Cart", "    static void main(String[] args) {": "main", 'tasks.register("publishAll") {': "publishAll", "task copyDocs(type: Copy) {": "copyDocs", "process ALIGN {": "ALIGN", "    return total(items)": undefined, "    void 'adds one'() {": "'adds one'", "    from zipTree(target)": undefined, "    implementation project(':core')": undefined, "    Map<Id, List<X>> items(int n) {": "items", "Helper class to spoof log entries.": undefined },
  haxe: { "\tpublic static inline function parse(text:String):Int {": "parse", "\tfunction getCueById( id : String ) : VTTCue;": "getCueById", "@:coreApi class Deque<T> {": "Deque", "typedef Point = {": "Point" },
  jsonnet: { "local pod(name, image) = {": "pod", "  withPort(port):: self + {": "withPort" },
  julia: { '@testset "refunds" begin': "refunds", '@testset verbose = true "refunds" begin': "refunds", "function fit!(m::Model, x)": "fit!", "square(x) = x * x": "square", "Base.show(io::IO, c::Cart) = print(io, c.name)": "show", "@inline norm(x::Vector{T}) where T <: Real = 1": "norm", "mutable struct Cart": "Cart", "macro time(ex)": "time", "const LIMIT = 5": "LIMIT", "f(x) == g(x)": undefined, "function that computes": undefined, "function all(x)": "all" },
  just: { "build target='all': clean": "build", "@test:": "test", "version := '1'": undefined },
  lean: { "theorem add_comm (a b : Nat) : a + b = b + a := by": "add_comm", "@[simp] private def size : Nat := 0": "size" },
  lisp: { "(defun hello-world ()": "hello-world", "(define (square x)": "square", "(define* (trim str #:optional (start 0))": "trim", "(define/who (read-byte [in (current-input-port)])": "read-byte", "(define ((make timeout) conn)": "make", "(define-obsolete-variable-alias 'old-name 'new-name)": "old-name", [`(def ${"^{} ".repeat(70)}(`]: undefined, "(define-module (ice-9 ftw)": "ice-9 ftw", "(library (shop carts) (export x))": "shop carts", "(define-key map \"x\" 'save)": undefined },
  m4: { "AC_DEFUN([AX_CHECK_FLAG],": "AX_CHECK_FLAG", "AC_ARG_ENABLE(debug,": "debug", "AC_ARG_ENABLE([fast-install],": "fast-install" },
  make: { "all: build test": "all", "build/app dist/app: main.o": "build/app", "clean::": "clean", "define usage": "usage", "\t@echo a: b": undefined, "FLAGS := -g": undefined, "FLAGS ::= -g": undefined, ".PHONY: all": undefined, ".SUFFIXES: .c": undefined },
  matlab: { "function y = betapdf (x, a, b)": "betapdf", "function [h, pval] = bartlett_test (x, varargin)": "bartlett_test", "function run": "run", "classdef (Sealed) Mixture < handle": "Mixture", "methods (Static)": "" },
  meson: { "tool = executable('tool', 'main.c')": "tool", "project('shop', 'c')": "shop" },
  nim: { "proc parse*(text: string): int =": "parse", "template `+`*(a, b: Point): Point =": "+", "  Cart* = ref object of RootObj": "Cart", type: "" },
  nix: { "  mkShop = { name, port }: {": "mkShop", "  square = x: x * x;": "square", '  version = "1";': undefined },
  nushell: { 'def "git age" [] {': "git" },
  "objective-c": { "- (void)viewDidLoad {": "viewDidLoad", "- (void (^)(int))handlerFor:(id)sender {": "handlerFor", "+ (instancetype) orthographyWithDominantScript: (NSString *)script": "orthographyWithDominantScript", "@implementation Cart": "Cart", "@interface Cart : NSObject": "Cart", "static inline void free_string(unichar **buf)": "free_string", "GSLanguageFromLocale(NSString *locale)": "GSLanguageFromLocale", "main()": "main", "typedef NS_ENUM(NSInteger, CartState) {": "CartState", "  [self add: item];": undefined, "#define CART_H": undefined, "#define __SHOP_CART_H__": undefined, "#define CART_MAX 4": "CART_MAX" },
  ocaml: { "val relative : ?error_loc:Loc0.t -> t -> string -> t": "relative", "let rec fold f acc = function": "fold", "and unfold f = ()": "unfold", "module Make (S : Stack) = struct": "Make", "module type Shape = sig": "Shape", "type ('a, 'b) t = ('a * 'b) list": "t", "exception Not_here of string": "Not_here", "external length : t -> int = \"len\"": "length", "let () = main ()": undefined, "let _ = 1": undefined, "let open List in": undefined, "class ['a] stack init = object": "stack", "  method private push x =": "push", "let (>>=) x f = bind x f": "(>>=)", "and is typically seen at the beginning": undefined, "    and [fd] is not a socket.": undefined, "    exception to {!Lwt.async_exception_hook}": undefined, "let is x = x": "is", "and ['a] stack = object": "stack", "    method is called by": undefined },
  odin: { "parse_line :: proc(text: string) -> int {": "parse_line", "Cart :: struct {": "Cart" },
  pascal: { "procedure TLinker.AddObject(const S: string);": "TLinker > AddObject", "class function GetPath() : string;": "GetPath", "  TCart = class(TObject)": "TCart", "  TCarts = array of TCart;": "TCarts", "destructor Destroy; override;": "Destroy", implementation: "", "    Total := Add(1);": undefined },
  perl: { "use constant TIMEOUT => 5;": "TIMEOUT", "sub count_lines {": "count_lines", "package Shop::Cart;": "Shop > Cart", "around save => sub {": "save", "my $total = 0;": undefined, "class is immutable, calling any of these": undefined, "method has been called.": undefined, "after a quick code review.": undefined, "class Shop extends Base {": "Shop", "sub new($class) {": "new", "around 'save' => sub {": "save" },
  prolog: { "append([X|Xs], Ys, [X|Zs]) :- append(Xs, Ys, Zs).": "append", ":- module(lists, [append/3]).": "lists" },
  proto: { "message ChatMessage {": "ChatMessage", "  rpc Send(A) returns (B);": "Send", "enum State {": "State", "  string name = 1;": undefined, "message is sent when": undefined },
  purescript: { "area :: Shape -> Number": "area", "data Shape = Circle Number": "Shape", "instance showShape :: Show Shape where": "showShape", "derive instance eqShape :: Eq Shape": "eqShape", "instance Show Shape where": undefined, "class Eq a <= Ord a where": "Ord", "main = do": "main" },
  qml: {
    "    id: root": "root", "Kirigami.Page {": "", "    NumberAnimation on opacity {": "", "    property Component header: Label {": "", "    default property list<QtObject> extras": "extras", "    readonly property bool playing: player.on": "playing",
    "    signal seekRequested(real position)": "seekRequested", "    function skip(track: var): bool {": "skip", "    component TimeLabel: Label {": "TimeLabel", "    Component.onCompleted: {": "onCompleted", "    Keys.onSpacePressed: (event) => {": "onSpacePressed",
    "    text: formatTime(0)": undefined, "    onClicked: play()": undefined, "import QtQuick 2.15": undefined,
  },
  r: { "fit.line <- function(data) {": "fit.line", "`mutate<-` <- function(x, value) x": "mutate<-", '"%+replace%" <- function(e1, e2) {': "%+replace%", "square = \\(x) x^2": "square", 'setMethod("show", "Cart", function(object) {': "show", "Cart <- R6::R6Class(\"Cart\",": "Cart", "total <- sum(x)": undefined },
  raku: { "multi method parse(Str $text) {": "parse", "grammar Shop::Lines {": "Shop > Lines", "token word { \\w+ }": "word" },
  rego: { "allow if {": "allow", "default allow := false": "allow", "deny contains msg if {": "deny", "is_admin(user) {": "is_admin" },
  rescript: { "let rec fold = (f, acc) => {": "fold", "module Cart = {": "Cart" },
  snakemake: { "rule align:": "align", "checkpoint split:": "split", "use rule align from other as align_again with:": "align_again", "def inputs(wildcards):": "inputs", '    input: "a.bam"': undefined },
  templ: { "templ Cart(items []Item) {": "Cart", "func total(items []Item) int {": "total", "\t<div>{ name }</div>": undefined },
  typespec: { "model Order {": "Order", "interface Orders {": "Orders", "  op cancel(@path id: string): void;": "cancel", "structure Order {": "Order", "operation CancelOrder {": "CancelOrder", "  id: string;": undefined },
  vala: { "public class Shop.Cart : Object {": "Shop > Cart", "    public signal void emptied ();": "emptied", "    public async int total (bool gross) throws Error {": "total", "namespace Shop {": "Shop" },
  scss: { "@mixin button-base($x) {": "button-base", "%card {": "%card", ".card {": "card", "a.plain:hover, .card .title {": "plain", "  &.open {": "open", "#main,": "main", "  background: url(a.png), url(b.png);": undefined, "  $gap: 4px;": undefined, "ul li {": undefined },
  shader: { 'Shader "Custom/Glow"': "Custom/Glow", "    SubShader": "", "            half4 frag(v2f i) : SV_Target": "frag", "            struct v2f { float4 pos : SV_POSITION; };": "v2f", "vec4 shade(in vec3 normal) {": "shade", "@vertex fn main(@location(0) at: vec3f) -> Out {": "main", "struct Light {": "Light", "else return shade(": undefined },
  sml: { "fun fold f acc = acc": "fold", "structure Cart = struct": "Cart", "datatype 'a tree = Leaf": "tree" },
  sql: { "CREATE OR REPLACE FUNCTION public.total(a int)": "public > total", 'create table if not exists "users" (': "users", "CREATE UNIQUE INDEX CONCURRENTLY idx_users ON users (id);": "idx_users", "CREATE OR REPLACE PACKAGE BODY shop AS": "shop", "  PROCEDURE restock(p_item IN NUMBER) IS": "restock", "UNION ALL SELECT 1": undefined, "CREATE PROCEDURE [dbo].[GetUsers] AS": "GetUsers", "CREATE TABLE `shop`.`carts` (": "carts", 'CREATE TABLE "my carts" (': "my carts", "CREATE INDEX ON users (id);": undefined, "CREATE FUNCTION @extschema@.total(a int)": "total", "CREATE TABLE {{ schema }}.carts (": "carts", "create view ${app}.totals as": "totals", "ALTER TABLE :owner.carts ADD COLUMN closed boolean;": "carts" },
  starlark: { "def _impl(ctx):": "_impl", '    name = "server",': "server", "cc_library(": "" },
  tcl: { "    proc ::shop::$hook args {": undefined, "proc ::nameserv::server::Search {name val} {": "nameserv > server > Search", "oo::class create Cart {": "Cart", "method total {} {": "total", "namespace eval ::shop {": "shop", "test cart-1.1 {adds} -body {": "cart-1.1" },
  terraform: { 'resource "aws_s3_bucket" "uploads" {': "uploads", 'variable "region" {': "region", 'provider "aws" {': "aws" },
  thrift: { "service Shop extends Base {": "Shop", "  i32 buy(1: Item item),": "buy", "typedef list<Item> Items": "Items" },
  verilog: { "module alu #(parameter W = 8) (": "alu", "  function automatic [7:0] log2(input [7:0] x);": "log2", "function integer required ;": "required", "entity Counter is": "Counter", "architecture rtl of Counter is": "Counter", "typedef logic [3:0] nibble;": "nibble", "interface to the bus": undefined, "module that counts": undefined },
  vim: { "fun! s:Forward()": "s > Forward", "function tar#Browse(tarfile) abort": "tar > Browse", "command! -buffer -nargs=1 Sman silent exe <q-args>": "Sman", "let s:cpo_save = &cpo": "s > cpo_save", "let &cpo = s:cpo_save": undefined, "augroup END": undefined },
  "visual-basic": { "    Public Overrides Function ToString() As String": "ToString", "Private Sub Form_Load()": "Form_Load", "Public Property Get Total() As Long": "Total", "Public Class Cart": "Cart", "    End Sub": undefined },
  vlang: { "pub fn (mut c Cart) add(item Item) {": "add", "struct Cart {": "Cart" },
  yacc: { "expression: term": "expression", "statement": "statement", "    | expression '+' term": undefined, "void": undefined, "YY_NAMESPACE_END": undefined, "default: return 1;": undefined },
};

for (const [language, rows] of Object.entries(cases))
  describe(`rows of ${language}`, () => {
    const habits = language === "common" ? commonHabits : habitsOf(language);
    for (const [row, name] of Object.entries(rows)) it(`${JSON.stringify(row)} defines ${name === undefined ? "nothing" : JSON.stringify(name)}`, () => assert.equal(shown(habits.definedBy(row)), name));
  });

describe("habits", () => {
  it("know what a resource of Terraform is one of", () => {
    assert.equal(habitsOf("terraform").definedBy('resource "aws_subnet" "private" {')?.type, "aws_subnet");
    assert.equal(habitsOf("terraform").definedBy('variable "region" {')?.type, undefined);
  });
  it("are those of most languages where nothing else is known, and for no language at all", () => {
    assert.equal(habitsOf("mojo"), commonHabits);
    assert.equal(habitsOf("no such language"), commonHabits);
  });
  it("hold for languages that exist", () => {
    for (const language of Object.keys(cases)) assert.ok(language === "common" || languages.some(({ id }) => id === language), language);
  });
  it("know comments by their language", () => {
    const comments: [language: string, row: string][] = [["fortran", "C     Solves."], ["fortran", "! solves"], ["fortran", "*> \\brief"], ["pascal", "{ solves }"], ["visual-basic", "' solves"], ["vim", '" solves'], ["batch", "REM solves"], ["elm", "{-| Solves. -}"], ["ocaml", "(** Solves. *)"], ["lisp", ";; solves"], ["haxe", "@:keep"], ["", "// solves"]];
    for (const [language, row] of comments) assert.ok(habitsOf(language).isComment(row), `${language}: ${row}`);
    const code: [language: string, row: string][] = [["fortran", "      CALL SOLVE"], ["haxe", "@:keep class A {"], ["vim", "call Solve()"], ["", "#include <a.h>"], ["", "@implementation Cart"]];
    for (const [language, row] of code) assert.ok(!habitsOf(language).isComment(row), `${language}: ${row}`);
  });
  it("read a long row in no time", () => {
    // Backtracking that grows with a power of the row would take minutes here.
    const rows = ["public static void ".repeat(16), "a ".repeat(150), "(".repeat(300), "a(b ".repeat(75), "real(8) ".repeat(37), "create or replace ".repeat(16), "function [".repeat(30), "@x(y) ".repeat(50), "x<y, ".repeat(60), "type 'a ".repeat(37), "* ".repeat(150), "=".repeat(300), "\t".repeat(300), `${"pure ".repeat(59)}!`, "  integer ".repeat(30)];
    const slowest = { ms: 0, what: "" };
    for (const { id } of languages)
      for (const row of rows) {
        const before = process.threadCpuUsage();
        habitsOf(id).definedBy(row);
        const { user, system } = process.threadCpuUsage(before);
        if ((user + system) / 1_000 > slowest.ms) Object.assign(slowest, { ms: (user + system) / 1_000, what: `${id}: ${row.slice(0, 30)}` });
      }
    assert.ok(slowest.ms < 2_000, `${slowest.what} took ${slowest.ms} ms of processor time`);
  });
});
