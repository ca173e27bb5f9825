"""The code-translation builder against a local stub server that works, fails, stalls and talks nonsense."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import itemgetter
from types import SimpleNamespace

import pytest

pytest.importorskip("tree_sitter")

from strata_train import translate
from strata_train.dedup import EvaluationHashes
from strata_train.events import UserError
from strata_train.translate import (
    TARGETS,
    Endpoint,
    Grammars,
    Output,
    Rejected,
    Transient,
    build,
    code_of,
    task_key,
    tasks,
    validate,
)

SAMPLES = {
    "c": "int add_all(const int *a, int n) {\n  int s = 0;\n  for (int i = 0; i < n; i++) s += a[i];\n  return s;\n}",
    "cpp": "int add_all(const std::vector<int>& a) {\n  int s = 0;\n  for (auto x : a) s += x;\n  return s;\n}",
    "go": "func addAll(a []int) int {\n\ts := 0\n\tfor _, x := range a {\n\t\ts += x\n\t}\n\treturn s\n}",
    "java": "class Sums {\n  int addAll(int[] a) {\n    int s = 0;\n    for (int x : a) s += x;\n    return s;\n  }\n}",
    "javascript": "function addAll(a) {\n  return a.reduce((s, x) => s + x, 0);\n}",
    "php": "<?php\nfunction addAll(array $a): int {\n  return array_sum($a);\n}",
    "python": "def add_all(a):\n    total = 0\n    for x in a:\n        total += x\n    return total",
    "ruby": "def add_all(a)\n  a.inject(0) { |s, x| s + x }\nend",
    "rust": "fn add_all(a: &[i32]) -> i32 {\n    a.iter().sum()\n}",
    "typescript": "export function addAll(a: number[]): number {\n  return a.reduce((s, x) => s + x, 0);\n}",
}
SEED = {
    "lang": "python",
    "source": "s",
    "path": "p.py",
    "name": "f",
    "doc": "Add all numbers.",
    "code": SAMPLES["python"],
}
GRAMMARS = Grammars(TARGETS)


def seed(number: int) -> dict:
    """Codes far enough apart not to be near-duplicates."""
    body = "\n".join(f"    value_{number}_{i} = step{number * 7 + i}(value, {i})" for i in range(4))
    return SEED | {"code": f"def job_{number}(value):\n{body}\n    return value", "name": f"job_{number}"}


def fenced(code: str, label: str = "") -> str:
    return f"Here you are:\n\n```{label}\n{code}\n```\nIt adds."


def completion(text: str, **choice: object) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}} | choice]}).encode()


class Stub:
    """An endpoint whose answers are scripted: each request takes the next of `script`, then translates honestly."""

    def __init__(self, *script: object) -> None:
        self.script, self.requests, self.release = list(script), [], threading.Event()
        self.running = self.most_running = 0
        lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    stub.requests.append((self.path, dict(self.headers), body))
                    stub.running += 1
                    stub.most_running = max(stub.most_running, stub.running)
                    action = stub.script.pop(0) if stub.script else None
                try:
                    stub.answer(self, action, body)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client gave up, as it should
                finally:
                    with lock:
                        stub.running -= 1

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler, action: object, body: dict) -> None:
        status, headers, content = 200, {}, b""
        if action is None:
            content = completion(self.translation(body))
        elif isinstance(action, int):
            status, content = action, b'{"error": "scripted"}'
        elif isinstance(action, tuple):
            status, headers = action
        elif isinstance(action, bytes):
            content = action
        elif action == "stall":
            self.release.wait(5)
            return
        elif action == "echo":
            status, content = 401, f"wrong: {handler.headers['Authorization']}".encode()
        elif action == "drip":  # one byte now and then, never an end
            handler.send_response(200)
            handler.end_headers()
            while not self.release.wait(0.02):
                handler.wfile.write(b" ")
                handler.wfile.flush()
            return
        elif action == "drop":
            handler.connection.close()
            return
        elif action == "short":  # ends before its announced length
            handler.send_response(200)
            handler.send_header("Content-Length", "999")
            handler.end_headers()
            handler.wfile.write(completion("half")[:-9])
            handler.close_connection = True
            return
        else:
            content = completion(str(action))
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    @staticmethod
    def translation(body: dict) -> str:
        """Ruby whose names are the seed's own, so that every seed gets another answer."""
        code = body["messages"][1]["content"].split("```python\n")[1].split("\n```")[0]
        lines = [line for line in code.split("\n")[1:-1]]
        return fenced("def translated(value)\n" + "\n".join(lines) + "\n  value\nend", "ruby")

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def stub_of():
    stubs = []

    def make(*script: object) -> Stub:
        stubs.append(Stub(*script))
        return stubs[-1]

    yield make
    for stub in stubs:
        stub.close()


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.pauses = 0.0, []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def endpoint(stub: Stub, clock: Clock | None = None, **options: object) -> Endpoint:
    clock = clock or Clock()
    return Endpoint(stub.url, "test-model", **({"rate": 1e9, "clock": clock, "sleep": clock.sleep} | options))


def run(stub: Stub, out, seeds=range(6), **options: object):
    output = Output(out)
    try:
        chosen = {"concurrency": 1, "patience": 3} | options
        connection = chosen.pop("endpoint", None) or endpoint(stub)
        return build((seed(i) for i in seeds), output, connection, GRAMMARS, ["ruby"], **chosen)
    finally:
        output.close()


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# ---- validation ----


@pytest.mark.parametrize("language", sorted(TARGETS))
def test_a_good_translation_is_accepted_in_every_language(language: str) -> None:
    original = SEED if language != "python" else SEED | {"lang": "go", "code": SAMPLES["go"]}
    code = validate(fenced(SAMPLES[language], language), original, language, GRAMMARS)
    assert code == SAMPLES[language].removeprefix("<?php\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I am sorry, I cannot do that.", "no-code"),
        ("", "no-code"),
        ("```ruby\ndef add_all(a)\n  a.sum", "truncated"),
        (fenced("def add_all(a)\n  a.inject(0) { |s, x| s +", "ruby"), "does-not-parse"),
        (fenced(SAMPLES["go"], "go"), "wrong-language"),
        (fenced(SAMPLES["go"]), "does-not-parse"),
        (fenced(SAMPLES["python"]), "copy"),
        (fenced("x = 1", "ruby"), "too-short"),
        (fenced("total = first + second + third", "ruby"), "no-definition"),
        (fenced("def f\n" + "  work(1)\n" * 900 + "end", "ruby"), "too-long"),
    ],
)
def test_what_is_no_translation_is_rejected_for_a_named_reason(answer: str, reason: str) -> None:
    with pytest.raises(Rejected) as rejection:
        validate(answer, SEED, "ruby", GRAMMARS)
    assert rejection.value.reason == reason


def test_the_longest_fenced_block_counts() -> None:
    assert code_of(f"```\nputs 1\n```\n{fenced(SAMPLES['ruby'], 'rb')}", "ruby") == SAMPLES["ruby"]


def test_an_answer_of_endless_fences_is_read_once() -> None:
    with pytest.raises(Rejected, match="truncated"):
        code_of("```python\n" * 100_000, "python")  # a search for the end from every beginning would take hours


def test_unknown_targets_are_refused() -> None:
    with pytest.raises(UserError, match="Cannot translate into cobol"):
        Grammars(["cobol"])


# ---- tasks ----


def test_targets_are_chosen_by_the_seed_itself_and_are_never_its_own_language() -> None:
    seeds = [seed(i) for i in range(30)]
    once = [(t.seed["name"], t.language) for t in tasks(seeds, list(TARGETS), 3)]
    assert once == [(t.seed["name"], t.language) for t in tasks(seeds, list(TARGETS), 3)]
    assert len(set(once)) == 90 and all(language != "python" for _, language in once)
    assert len({language for _, language in once}) == 9
    assert task_key(seed(1), "go") != task_key(seed(1), "ruby")
    assert task_key(seed(1) | {"path": "elsewhere"}, "go") == task_key(seed(1), "go")


# ---- the run ----


def test_triplets_keep_the_seed_and_add_the_translation(tmp_path, stub_of) -> None:
    stub = stub_of()
    counts = run(stub, tmp_path / "t.jsonl", seeds=[1])
    assert counts.fields() == {"accepted": 1, "rejected": {}, "failed": 0, "skipped": 0}
    [triplet] = lines(tmp_path / "t.jsonl")
    assert triplet.items() >= seed(1).items()
    assert triplet["lang_b"] == "ruby" and triplet["code_b"].startswith("def translated")
    path, headers, body = stub.requests[0]
    assert path == "/v1/chat/completions" and body["model"] == "test-model"
    assert "to Ruby" in body["messages"][1]["content"] and "Authorization" not in headers


@pytest.mark.parametrize("base", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_every_usual_form_of_address_works(base: str, stub_of) -> None:
    stub = stub_of("hello")
    connection = Endpoint(stub.url + base, "m", key="secret")
    assert connection.ask("s", "p") == "hello"
    assert stub.requests[0][0] == "/v1/chat/completions"
    assert stub.requests[0][1]["Authorization"] == "Bearer secret"


def test_an_address_that_is_none_is_refused() -> None:
    for url in ("localhost:11434", "file:///etc/passwd", ""):
        with pytest.raises(UserError, match="is not the address"):
            Endpoint(url, "m")


@pytest.mark.parametrize(
    "failure",
    [
        *(500, 503, 429, 408, "drop", "short"),
        *(b"<html>", b'{"choices": []}', b'{"choices": [{"message": {}}]}', b'{"choices": [{"mess', b"\xff\xfe"),
        b"[" * 100_000,
        b'{"choices": [{"message": {"content": "half a pair: \\ud800"}}]}',
    ],
    ids=lambda failure: repr(failure)[:40],
)
def test_failures_that_may_pass_are_tried_again(failure: object, stub_of) -> None:
    stub, clock = stub_of(failure, failure, "at last"), Clock()
    assert endpoint(stub, clock).ask("s", "p") == "at last"
    assert len(stub.requests) == 3
    first, second = [pause for pause in clock.pauses if pause > 1e-3]
    assert 0.75 <= first <= 1.25 and 1.5 <= second <= 2.5  # the pause doubles


def test_retry_after_is_obeyed_up_to_a_bound(stub_of) -> None:
    stub, clock = (
        stub_of((429, {"Retry-After": "7"}), (503, {"Retry-After": "99999"}), (429, {"Retry-After": "?"}), "ok"),
        Clock(),
    )
    assert endpoint(stub, clock).ask("s", "p") == "ok"
    pauses = [pause for pause in clock.pauses if pause > 1e-3]
    assert pauses[:2] == [7.0, 60.0] and 3 <= pauses[2] <= 5


def test_retry_after_silences_every_thread_also_when_nothing_is_tried_again(stub_of) -> None:
    stub, clock = stub_of((429, {"Retry-After": "7"}), "ok"), Clock()
    connection = endpoint(stub, clock, retries=0)
    with pytest.raises(Transient, match="HTTP 429"):
        connection.ask("s", "p")
    assert clock.now < 1  # the pause belongs to whoever asks next
    assert connection.ask("s", "another thread's") == "ok" and clock.now == pytest.approx(7.0)


def test_silence_is_kept_by_whoever_waits_for_a_turn_already(stub_of) -> None:
    stub, clock = stub_of("ok", "ok"), Clock()
    connection = endpoint(stub, clock, rate=1.0)
    connection.ask("s", "first")

    def told_meanwhile(seconds: float) -> None:
        connection.sleep = connection._sleep = clock.sleep
        clock.sleep(seconds)
        connection._hold_all(8)

    connection._sleep = told_meanwhile
    assert connection.ask("s", "second") == "ok" and clock.now == pytest.approx(9.0)


def test_code_and_key_do_not_follow_a_redirect(stub_of) -> None:
    elsewhere = stub_of("caught")
    for status in (302, 307):
        stub = stub_of((status, {"Location": elsewhere.url}))
        with pytest.raises(UserError, match=f"HTTP {status}"):
            endpoint(stub, key="secret").ask("s", "p")
    assert elsewhere.requests == []


def test_retries_are_bounded(stub_of) -> None:
    stub = stub_of(*[500] * 9)
    with pytest.raises(Transient, match="HTTP 500"):
        endpoint(stub, retries=2).ask("s", "p")
    assert len(stub.requests) == 3


def test_a_stalling_server_is_given_up_after_the_time_out(stub_of) -> None:
    stub = stub_of("stall", "stall")
    with pytest.raises(Transient, match="no answer"):
        endpoint(stub, timeout=0.05, retries=1).ask("s", "p")
    assert len(stub.requests) == 2


def test_a_dripping_server_is_given_up_too(stub_of) -> None:
    with pytest.raises(Transient, match="took too long"):
        Endpoint(stub_of("drip").url, "m", timeout=0.1, retries=0).ask("s", "p")


def test_an_endless_answer_is_cut_off(stub_of) -> None:
    with pytest.raises(Transient, match="larger"):
        endpoint(stub_of(b"x" * 5000), max_bytes=1000, retries=0).ask("s", "p")


def test_requests_keep_to_the_rate(stub_of) -> None:
    clock = Clock()
    connection = endpoint(stub_of(), clock, rate=2.0)
    for _ in range(4):
        connection.ask("s", "```python\nx\n```")
    assert clock.now == pytest.approx(1.5)


def test_a_refused_key_stops_the_run_in_words(tmp_path, stub_of) -> None:
    stub = stub_of(401)
    with pytest.raises(UserError, match="HTTP 401"):
        run(stub, tmp_path / "t.jsonl")
    assert len(stub.requests) == 1


def test_a_key_that_the_server_repeats_is_not_printed(stub_of) -> None:
    with pytest.raises(UserError, match="HTTP 401: wrong: Bearer …") as end:
        endpoint(stub_of("echo"), key="sk-verysecret").ask("s", "p")
    assert "secret" not in end.value.sentence


def test_a_key_is_sent_without_white_space_and_refused_where_it_is_none(stub_of) -> None:
    stub = stub_of()
    endpoint(stub, key=" sk-secret\n").ask("s", "```python\nx\n```")
    assert stub.requests[0][1]["Authorization"] == "Bearer sk-secret"
    for key in ("sk-se\ncret", "sk-sécret"):
        with pytest.raises(UserError) as end:
            endpoint(stub, key=key)
        assert end.value.code == "bad-key" and "cret" not in end.value.sentence


@pytest.mark.parametrize(
    "url", ["localhost:1", "ftp://a", "http://", "http://a:b", "http://[::1", "http://me:secret@a"]
)
def test_what_is_no_address_is_refused_and_no_password_is_printed(url: str) -> None:
    with pytest.raises(UserError) as end:
        Endpoint(url, "m")
    assert end.value.code == "bad-url" and "secret" not in end.value.sentence


@pytest.mark.parametrize("content", ['{"code": "int x;"}\n{"last": "line"}', "[1]\n", "no end of line"])
def test_a_foreign_file_is_no_output_and_stays_as_it_is(content: str, tmp_path) -> None:
    (tmp_path / "mine.jsonl").write_text(content)
    with pytest.raises(UserError, match="was not written by `translate`"):
        Output(tmp_path / "mine.jsonl")
    assert (tmp_path / "mine.jsonl").read_text() == content


def test_a_foreign_state_is_named(tmp_path) -> None:
    (tmp_path / "t.jsonl.state").write_text('{"key": "a"}\n')
    with pytest.raises(UserError, match="t.jsonl.state was not written"):
        Output(tmp_path / "t.jsonl")


def test_one_refused_request_does_not_stop_the_others(tmp_path, stub_of) -> None:
    """A seed too long for the model's context is answered with 400; every run would end there."""
    stub = stub_of(None, 400, None, 413, None)
    counts = run(stub, tmp_path / "t.jsonl", seeds=range(5))
    assert (counts.accepted, dict(counts.rejected)) == (3, {"refused": 2}) and len(stub.requests) == 5
    assert run(stub, tmp_path / "t.jsonl", seeds=range(5)).skipped == 5 and len(stub.requests) == 5


def test_seeds_that_no_server_takes_hold_up_no_others(tmp_path, stub_of) -> None:
    """More of them at the beginning than patience lasts: the next run begins behind them."""
    stub, out = stub_of(*[400] * 3, None, None, 400, 400, 400), tmp_path / "t.jsonl"
    with pytest.raises(UserError, match="3 times in a row"):
        run(stub, out, seeds=range(5))
    with pytest.raises(UserError, match="3 times in a row"):
        run(stub, out, seeds=range(5))
    assert len(lines(out)) == 2 and len(stub.requests) == 8
    assert run(stub, out, seeds=range(5)).skipped == 5


def test_a_server_that_refuses_everything_ends_the_run_with_its_own_words(tmp_path, stub_of) -> None:
    stub = stub_of(*[400] * 9)
    with pytest.raises(UserError, match=r"3 times in a row \(HTTP 400: .*scripted") as end:
        run(stub, tmp_path / "t.jsonl")
    assert end.value.code == "endpoint-refused" and len(stub.requests) == 3


def test_nonsense_is_counted_and_not_asked_for_again(tmp_path, stub_of) -> None:
    stub = stub_of(
        "Certainly!",
        fenced(SAMPLES["go"], "go"),
        fenced("def broken(", "ruby"),
        completion("x", finish_reason="length"),
        completion(None, finish_reason="content_filter"),
    )
    counts = run(stub, tmp_path / "t.jsonl")
    assert counts.accepted == 1
    assert dict(counts.rejected) == {"no-code": 1, "wrong-language": 1, "too-short": 1, "truncated": 1, "no-text": 1}
    again = run(stub, tmp_path / "t.jsonl")
    assert again.skipped == 6 and again.done == 0 and len(stub.requests) == 6


def test_near_duplicate_translations_are_kept_once_across_runs(tmp_path, stub_of) -> None:
    same = fenced(SAMPLES["ruby"], "ruby")
    stub = stub_of(same, same)
    assert dict(run(stub, tmp_path / "t.jsonl", seeds=[0, 1]).rejected) == {"near-duplicate": 1}
    stub.script.append(same)
    assert dict(run(stub, tmp_path / "t.jsonl", seeds=[2]).rejected) == {"near-duplicate": 1}
    assert len(lines(tmp_path / "t.jsonl")) == 1


def test_a_long_output_is_taken_up_in_bounded_memory(tmp_path, monkeypatch) -> None:
    out, added = tmp_path / "t.jsonl", []
    out.write_text("".join(json.dumps({"key": str(i), "code_b": f"int f{i}();"}) + "\n" for i in range(2500)) + "{")
    monkeypatch.setattr(translate.NearDuplicates, "add", lambda _, texts: added.append(len(texts)))
    output = Output(out)
    output.close()
    assert sum(added) == len(output.finished) == 2500 and max(added) <= 1000
    assert out.read_text().endswith("}\n")


def test_a_seed_that_occurs_twice_is_asked_once(tmp_path, stub_of) -> None:
    stub = stub_of()
    assert run(stub, tmp_path / "t.jsonl", seeds=[1, 1, 1]).skipped == 2 and len(stub.requests) == 1


def test_failed_tasks_are_tried_again_by_the_next_run(tmp_path, stub_of) -> None:
    stub = stub_of(500)
    counts = run(stub, tmp_path / "t.jsonl", seeds=[0, 1], endpoint=endpoint(stub, retries=0))
    assert (counts.accepted, counts.failed) == (1, 1)
    assert run(stub, tmp_path / "t.jsonl", seeds=[0, 1]).accepted == 1
    assert len(lines(tmp_path / "t.jsonl")) == 2


def test_a_server_that_is_gone_ends_the_run(tmp_path, stub_of) -> None:
    stub = stub_of(*[500] * 99)
    with pytest.raises(UserError, match="failed 3 times in a row"):
        run(stub, tmp_path / "t.jsonl", endpoint=endpoint(stub, retries=0))
    assert len(stub.requests) == 3


@pytest.mark.parametrize("trouble", [503, "drop", "stall", b"<html>"], ids=repr)
def test_a_server_that_goes_down_in_mid_run_costs_nothing_but_the_time(trouble: object, tmp_path, stub_of) -> None:
    steady, whole = stub_of(), tmp_path / "whole.jsonl"
    run(steady, whole)
    stub, out = stub_of(None, None, *[trouble] * 3), tmp_path / "t.jsonl"
    with pytest.raises(UserError, match="Run again to go on"):
        run(stub, out, endpoint=endpoint(stub, retries=0, timeout=0.1))
    assert lines(out) == lines(whole)[:2]
    stub.release.set()
    asked = len(stub.requests)
    counts = run(stub, out)  # it is back
    assert (counts.accepted, counts.skipped, counts.failed) == (4, 2, 0)
    name = itemgetter("name")  # what failed comes after all others
    assert sorted(lines(out), key=name) == sorted(lines(whole), key=name) and len(stub.requests) == asked + 4


def test_a_full_disk_ends_the_run_and_its_pauses(tmp_path, stub_of, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    stub = stub_of(None, (429, {"Retry-After": "50"}))
    connection = Endpoint(stub.url, "m", rate=1e9)  # with the real clock: fifty seconds would be felt
    with monkeypatch.context() as patch:
        patch.setattr(Output, "_write", staticmethod(full))
        with pytest.raises(OSError, match="No space"):
            run(stub, tmp_path / "t.jsonl", seeds=range(2), concurrency=2, endpoint=connection)
    assert connection.cancel.is_set()
    assert run(stub, tmp_path / "t.jsonl", seeds=range(2)).accepted == 2


def test_a_killed_run_goes_on_where_it_was(tmp_path, stub_of) -> None:
    stub, out = stub_of(), tmp_path / "t.jsonl"
    run(stub, out, seeds=range(3))
    whole = out.read_text()
    state = tmp_path / "t.jsonl.state"
    # killed after the third triplet was written and before its state was, and in the middle of a fourth
    state.write_text("".join(state.read_text().splitlines(keepends=True)[:2]) + '{"key": "ha')
    out.write_text(whole + '{"lang": "pyt')
    counts = run(stub, out, seeds=range(5))
    assert (counts.accepted, counts.skipped) == (2, 3)
    assert out.read_text().startswith(whole) and len(lines(out)) == 5
    assert len({line["key"] for line in lines(out)}) == 5


def test_limit_bounds_the_requests(tmp_path, stub_of) -> None:
    stub = stub_of()
    assert run(stub, tmp_path / "t.jsonl", limit=2).accepted == 2 and len(stub.requests) == 2


def test_requests_run_together_up_to_the_concurrency(tmp_path, stub_of) -> None:
    stub = stub_of()
    barrier = threading.Barrier(3)
    honest = stub.translation

    def together(body: dict) -> str:
        barrier.wait(5)  # answers only when three requests are in flight at once
        return honest(body)

    stub.translation = together
    assert run(stub, tmp_path / "t.jsonl", concurrency=3).accepted == 6
    assert stub.most_running == 3


def test_cancelling_starts_nothing_new_and_keeps_what_was_paid_for(tmp_path, stub_of) -> None:
    stub = stub_of()
    connection = endpoint(stub)
    honest = stub.translation

    def cancel_during_the_second(body: dict) -> str:
        if len(stub.requests) == 2:
            connection.cancel.set()
        return honest(body)

    stub.translation = cancel_during_the_second
    assert run(stub, tmp_path / "t.jsonl", endpoint=connection).accepted == 2
    assert len(stub.requests) == 2
    assert run(stub, tmp_path / "t.jsonl").accepted == 4


def test_cancelling_ends_a_pause_at_once(tmp_path, stub_of) -> None:
    stub = stub_of((429, {"Retry-After": "50"}))
    connection = Endpoint(stub.url, "m", rate=1e9)
    threading.Timer(0.05, connection.cancel.set).start()
    counts = run(stub, tmp_path / "t.jsonl", endpoint=connection)
    assert counts.done == 0 and len(stub.requests) == 1


# ---- the command ----


def options(tmp_path, **changes: object) -> SimpleNamespace:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text("".join(json.dumps(seed(i)) + "\n" for i in range(3)))
    values = dict(
        seeds=[seeds], out=tmp_path / "t.jsonl", base_url=None, model="m", key_variable="NO_SUCH_KEY", languages="ruby",
        per_seed=1, limit=None, concurrency=1, rate=1e6, timeout=5.0, retries=0, evaluation=None,
    )  # fmt: skip
    return SimpleNamespace(**(values | changes))


def test_without_an_address_nothing_is_sent(tmp_path) -> None:
    with pytest.raises(UserError, match="Nothing was sent"):
        translate.run_translate(options(tmp_path))
    assert not (tmp_path / "t.jsonl").exists()


def test_the_command_reports_in_json_lines_and_leaves_evaluation_texts_out(tmp_path, stub_of, capsys) -> None:
    hashes = tmp_path / "hashes.json.gz"
    EvaluationHashes.build([("set", seed(1)["code"])]).save(hashes)
    translate.run_translate(options(tmp_path, base_url=stub_of().url, evaluation=hashes))
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["event"] == "result" and last["accepted"] == 2
    assert {line["name"] for line in lines(tmp_path / "t.jsonl")} == {"job_0", "job_2"}


def test_ctrl_c_says_that_the_triplets_are_kept(tmp_path, stub_of, monkeypatch) -> None:
    stub = stub_of()
    real, accepted = Output.accept, []

    def interrupted(output: Output, *arguments: object) -> None:
        real(output, *arguments)
        accepted.append(1)
        if len(accepted) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Output, "accept", interrupted)
    with pytest.raises(UserError, match="Run again to go on") as end:
        translate.run_translate(options(tmp_path, base_url=stub.url))
    assert end.value.code == "interrupted" and len(lines(tmp_path / "t.jsonl")) == 2


def test_impossible_numbers_are_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="above zero"):
        translate.run_translate(options(tmp_path, base_url="http://localhost:1", rate=0))
