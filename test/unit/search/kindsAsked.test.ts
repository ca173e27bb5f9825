import assert from "node:assert/strict";
import { test } from "node:test";
import { kindsAsked } from "../../../src/search/kindsAsked.ts";

const place = (path: string, lang: string, isTest = false) => ({ path, lang, isTest });

test("a question that names a kind of file asks for such files", () => {
  for (const [question, asked] of [
    ["notebook that trains the model", place("examples/train.ipynb", "python", true)],
    ["Dockerfile of the server", place("docker/server/Dockerfile", "docker")],
    ["which make target runs the linter", place("Makefile", "make")],
    ["shell script that sets up the disk", place("scripts/disk.sh", "bash")],
    ["bash scripts of the shell", place("conf/prompt.fish", "fish")],
    ["cmake options", place("CMakeLists.txt", "cmake")],
    ["rate limit in nginx", place("deploy/nginx.conf", "ini")],
    ["nginx upload limit", place("roles/nginx/templates/site.conf.j2", "template")],
    ["which port does the database have in docker compose", place("docker-compose.override.yml", "yaml")],
    ["device tree of the tuner", place("boards/radio.dts", "devicetree")],
    ["qml that shows the song", place("ui/PlayerBar.qml", "qml")],
    ["openapi operation that cancels an order", place("openapi/shop.yaml", "yaml")],
    ["terraform for the queue", place("infra/queue.tf", "terraform")],
    ["CSS of the sidebar", place("src/side.scss", "scss")],
    ["migration that adds the teams table", place("app/migrations/0012_teams.py", "python")],
    ["GitHub action that closes old issues", place(".github/workflows/stale.yml", "yaml")],
    ["gitlab pipeline that deploys", place(".gitlab-ci.yml", "yaml")],
    ["which versions does CI test", place(".travis.yml", "yaml")],
    ["where is the date parser tested", place("test/dates.py", "python", true)],
    ["tests for price limits", place("test/limits.py", "python", true)],
    ["template of the login form", place("shop/templates/login.html", "html")],
    ["erb template of the login form", place("shop/login.html.erb", "template")],
    ["email template for a password reset", place("mail/reset.html", "html")],
    ["styles of the side bar", place("src/side.scss", "scss")],
    ["layout of the settings screen", place("app/src/main/res/layout-land/settings.xml", "xml")],
    ["layout for the admin pages", place("resources/views/layouts/admin.blade.php", "template")],
    ["screen layouts", place("App/Base.lproj/Main.storyboard", "xml")],
    ["migration that adds a column", place("schema/main/delta/85/01_add_suspended.sql", "sql")],
    ["migration that adds a column", place("prisma/migrations/20240102_add/migration.sql", "sql")],
    ["schema change for carts", place("db/V2_1__carts.sql", "sql")],
    ["helm values for the worker", place("deploy/worker-values.yaml", "yaml")],
    ["helm chart of the service", place("charts/shop/templates/service.yaml", "yaml")],
    ["helm release of the worker", place("deploy/templates/service.yaml", "yaml")],
    ["kubernetes manifest of the worker", place("deploy/worker.yml", "yaml")],
    ["ansible role for the database", place("roles/db/tasks/main.yml", "yaml")],
    ["gradle dependencies", place("app/build.gradle.kts", "kotlin")],
    ["gradle versions", place("gradle/libs.versions.toml", "toml")],
    ["podfile of the app", place("app/Podfile", "ruby")],
    ["podspec of the library", place("shop.podspec", "ruby")],
    ["sql that creates the tables", place("db/tables.sql", "sql")],
    ["protobuf message of an order", place("api/order.proto", "proto")],
    ["graphql schema of an order", place("api/order.graphqls", "graphql")],
    ["open the camera on Android", place("android/src/main/Camera.kt", "kotlin")],
    ["open the camera on iOS", place("Sources/Camera.swift", "swift")],
    ["start script of the server", place("bin/serve", "text")],
    ["install script for Windows", place("setup/install.cmd", "batch")],
    ["systemd unit", place("packaging/shop.service", "ini")],
    ["style of the login page", place("css/login.css", "css")],
    ["layout of the cart form", place("forms/cart.ui", "xml")],
    ["German translation of the cart", place("locale/de/app.po", "gettext")],
    ["deutsche Übersetzung der Oberfläche", place("src/messages_de.properties", "ini")],
    ["japanese locale of the web interface", place("web/locales/ja.yml", "yaml")],
    ["strings translated to French", place("src/i18n/fr-CA/app.json", "json")],
    ["change log entry about XML", place("CHANGES", "text")],
    ["which test covers the poller", place("test/poller.rb", "ruby", true)],
    ["where is the integration test for sign-up", place("test/integration/sign_up.rb", "ruby", true)],
    ["fixtures of issues", place("test/fixtures/issues.yml", "yaml", true)],
    ["tar.conf manual page", place("doc/man/tar.conf.xml", "xml")],
    ["man page of the daemon", place("doc/shopd.8", "manual")],
    ["docs about volumes", place("docs/volumes.md", "markdown")],
  ] as const) {
    const is = kindsAsked(question);
    assert.equal(is?.(asked), 1, question);
    assert.equal(is?.(place("src/server.ts", "typescript")), 0, question);
  }
});

test("a question that only speaks of such things asks for none", () => {
  for (const question of ["which tests does the runner skip", "load fixtures before each test", "generate man pages from comments", "in-memory queues for unit tests without a server", "server that is started in tests of the client", "turn test blocks into functions", "render a template", "run examples from documentation", "specific cisco command", "how is the configuration read", "layout engine that tiles windows", "where are versions compared", "apply the pending schema changes at startup", "where are translations loaded", "translate an address", "citation style of the document"]) assert.equal(kindsAsked(question), undefined, question);
});

test("of several kinds that are asked for together, what is of all comes first", () => {
  const is = kindsAsked("gradle dependencies of the Android library")!;
  assert.deepEqual([place("android/build.gradle", "groovy"), place("android/src/Main.kt", "kotlin"), place("ios/App.swift", "swift")].map(is), [1, 0.5, 0]);
});

test("of catalogues the one in the language that is asked for comes first", () => {
  const is = kindsAsked("German translation of the cart")!;
  assert.deepEqual([place("config/locales/de.yml", "yaml"), place("config/locales/mn.yml", "yaml"), place("app/models/de.rb", "ruby")].map(is), [1, 0.5, 0]);
});
