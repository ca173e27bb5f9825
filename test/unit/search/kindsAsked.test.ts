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
    ["CSS of the sidebar", place("src/side.scss", "scss")],
    ["migration that adds the teams table", place("app/migrations/0012_teams.py", "python")],
    ["GitHub action that closes old issues", place(".github/workflows/stale.yml", "yaml")],
    ["which versions does CI test", place(".travis.yml", "yaml")],
    ["where is the date parser tested", place("test/dates.py", "python", true)],
    ["tests for price limits", place("test/limits.py", "python", true)],
    ["template of the login form", place("shop/templates/login.html", "html")],
    ["docs about volumes", place("docs/volumes.md", "markdown")],
  ] as const) {
    const is = kindsAsked(question);
    assert.equal(is?.(asked), true, question);
    assert.equal(is?.(place("src/server.ts", "typescript")), false, question);
  }
});

test("a question that only speaks of such things asks for none", () => {
  for (const question of ["in-memory queues for unit tests without a server", "turn test blocks into functions", "render a template", "run examples from documentation", "specific cisco command", "how is the configuration read"]) assert.equal(kindsAsked(question), undefined, question);
});
