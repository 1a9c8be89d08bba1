"""The page over HTTP: what it answers and what it refuses, and that nothing from a user becomes HTML."""

import asyncio
import html
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from anzan.evaluation.interventions import EXCHANGED_OPERANDS, WRONG_RESULTS
from anzan.reader.reader import Reader
from anzan.training import ModelSettings, new_model
from anzan.web import app as web
from anzan.web.app import make_app
from anzan.web.asking import ask
from anzan.web.examples import EXAMPLES
from anzan.web.limits import MOST_CLIENTS, Limits, Rate, client_of

PASSAGE, QUESTION = "Anna has 5 pens. Carl has 9 pens. Zoë has 1,200 pens.", "Who has more pens: Anna or Carl?"
NASTY = '\n</textarea><script>alert(1)</script>"><img src=x onerror=alert(2)> 5 & 7\n&lt;b&gt; \u202e 12'
HOST = "http://127.0.0.1:7860"

MakeClient = Callable[..., TestClient]


@pytest.fixture
def make_client(reader: Reader) -> Iterator[MakeClient]:
    def make(**limits: Any) -> TestClient:
        return TestClient(
            make_app(reader, "<my model>", Limits(**limits)), base_url=HOST, raise_server_exceptions=False
        )

    yield make


class Elements(HTMLParser):
    """Tags with their attributes, and the text of textareas."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.textarea: str | None = None
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag == "textarea"
        if self.inside:
            self.textarea = ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside and self.textarea is not None:
            self.textarea += data

    def fields(self, prefix: str) -> dict[str, dict[str, str | None]]:
        named = {a["name"]: a for tag, a in self.tags if tag == "input"}
        return {k: v for k, v in named.items() if k and k.startswith(prefix)}


def test_the_empty_page_is_a_form_without_a_script(make_client: MakeClient) -> None:
    response = make_client().get("/")
    assert response.status_code == 200 and response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "form-action 'self'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    elements = Elements(response.text)
    assert {"textarea", "input", "button"} <= {tag for tag, _ in elements.tags}
    assert "script" not in {tag for tag, _ in elements.tags} and "<b>&lt;my model&gt;</b>" in response.text
    labels = {a["for"] for tag, a in elements.tags if tag == "label"}
    assert labels == {a["id"] for tag, a in elements.tags if tag in ("textarea", "input")}


def test_the_answer_is_the_readers_own(make_client: MakeClient, reader: Reader) -> None:
    page = make_client().post("/", data={"passage": PASSAGE, "question": QUESTION})
    answer = reader.ask(PASSAGE, QUESTION)
    assert page.status_code == 200 and f'<p class="big">{html.escape(answer.answer)}</p>' in page.text
    elements = Elements(page.text)
    fields = elements.fields("edit-")
    assert [f["value"] for f in fields.values()] == ["5", "9", "1,200"]
    used = {f["value"] for f in fields.values() if f.get("class") == "used"}
    assert used == {m.text for m in answer.steps[0].arguments}
    assert "What the answer depends on" in page.text
    assert (elements.textarea or "").removeprefix("\n") == PASSAGE


@pytest.mark.parametrize("number", range(1, len(EXAMPLES) + 1))
def test_examples_are_answered(make_client: MakeClient, reader: Reader, number: int) -> None:
    page = make_client().post("/", data={"example": str(number)})
    assert f'<p class="big">{html.escape(reader.ask(*EXAMPLES[number - 1]).answer)}</p>' in page.text


def test_an_edited_number_is_asked_about_and_compared(make_client: MakeClient, reader: Reader) -> None:
    form = {"passage": PASSAGE, "question": QUESTION, "edit-0": "5", "edit-1": " 4 ", "edit-2": "9,999", "edit-77": "x"}
    page = make_client().post("/", data=form)
    after = PASSAGE.replace("9 pens", "4 pens").replace("1,200", "9,999")
    assert (Elements(page.text).textarea or "").removeprefix("\n") == after
    assert "Changed: 9 → 4, 1,200 → 9,999." in page.text
    before, now = (html.escape(reader.ask(p, QUESTION).answer) for p in (PASSAGE, after))
    rows = [page.text.index(f"<td>{name}</td>") for name in ("before", "now")]
    assert f"<td>{before}</td>" in page.text[rows[0] : rows[1]] and f"<td>{now}</td>" in page.text[rows[1] :]


@pytest.mark.parametrize("new", ["many", "", "1e999", "9" * 41, "<b>", "- 7", "half", "7/2", "7%", "5 6", "3rd"])
def test_an_edit_that_is_no_number_there_is_refused_and_loses_nothing(make_client: MakeClient, new: str) -> None:
    form = {"passage": PASSAGE, "question": QUESTION, "asked-passage": PASSAGE, "asked-question": QUESTION}
    page = make_client().post("/", data={**form, "edit-0": new, "edit-1": "4,444", "edit-2": "1,200"})
    elements = Elements(page.text)
    assert page.status_code == 422 and "type digits" in page.text and "<b></b>" not in page.text
    assert (elements.textarea or "").removeprefix("\n") == PASSAGE
    assert [f["value"] for f in elements.fields("edit-").values()] == [new, "4,444", "1,200"]


@pytest.mark.parametrize(
    ("passage", "edits"),
    [
        ("The score was 27-20, and 5 pens.", {"edit-1": "-3"}),
        ("There were twenty 5 pens and 9.", {"edit-1": "five"}),
        ("There were twenty 5 pens and 9.", {"edit-0": "20", "edit-1": "million"}),
    ],
)
def test_an_edit_that_makes_other_numbers_is_refused(
    make_client: MakeClient, passage: str, edits: dict[str, str]
) -> None:
    page = make_client().post("/", data={"passage": passage, "question": "How many?", **edits})
    assert page.status_code == 422 and "type digits" in page.text


def test_numbers_across_a_line_break_can_be_asked_again(make_client: MakeClient, reader: Reader) -> None:
    passage = "Anna has two hundred\nand five pens. Carl has 9 pens."
    form = {"asked-passage": passage, "asked-question": QUESTION, "edit-0": "two hundred and five", "edit-1": "8"}
    page = make_client().post("/", data={"passage": passage, "question": QUESTION, **form})
    assert page.status_code == 200 and "Changed: 9 → 8." in page.text
    assert (Elements(page.text).textarea or "").removeprefix("\n") == passage.replace("9", "8")


def test_a_changed_text_and_changed_numbers_do_not_go_together(make_client: MakeClient) -> None:
    longer = PASSAGE + " Bob has 3 pens."
    form = {"asked-passage": PASSAGE, "asked-question": QUESTION, "edit-0": "5", "edit-1": "9", "edit-2": "1,200"}
    assert make_client().post("/", data={"passage": longer, "question": QUESTION, **form}).status_code == 200
    page = make_client().post("/", data={"passage": longer, "question": QUESTION, **form, "edit-1": "77"})
    elements = Elements(page.text)
    assert page.status_code == 422 and "change one or the other" in page.text
    assert (elements.textarea or "").removeprefix("\n") == longer
    assert elements.fields("edit-")["edit-1"]["value"] == "77"


def test_nothing_from_a_user_becomes_html(make_client: MakeClient) -> None:
    page = make_client().post("/", data={"passage": NASTY, "question": NASTY})
    elements = Elements(page.text)
    assert page.status_code == 200
    assert not {tag for tag, _ in elements.tags} & {"script", "img"}
    assert not [name for _, attributes in elements.tags for name in attributes if name.startswith("on")]
    # What was typed is there again, its first line break too: a browser drops one behind the tag.
    assert (elements.textarea or "").removeprefix("\n") == NASTY
    assert elements.fields("question")["question"]["value"] == NASTY


def test_odd_bytes_are_answered_or_refused(make_client: MakeClient) -> None:
    client = make_client()
    head = {"content-type": "application/x-www-form-urlencoded"}
    for body in (b"", b"passage", b"\xff\xfe=\x00", b"passage=%00%00&question=%ff", b"passage=%ed%a0%80&question=1+2"):
        assert client.post("/", content=body, headers=head).status_code in (200, 422)


@pytest.mark.parametrize(
    ("form", "limits", "message"),
    [
        ({"passage": " ", "question": QUESTION}, {}, "The passage is empty"),
        ({"passage": PASSAGE}, {}, "The question is empty"),
        ({"passage": "1 2 3 4", "question": "5?"}, {"numbers": 4}, "There are 5 numbers in this text"),
        ({"passage": "a" * 101, "question": "b"}, {"characters": 100}, "The passage has 101 characters"),
        ({"passage": "a", "question": "b" * 11}, {"characters": 100}, "The question has 11 characters"),
        ({"passage": "a 5" + "a" * 97, "question": "b", "edit-0": "55"}, {"characters": 100}, "has 101 characters"),
        ({"passage": "word " * 300, "question": "5 " * 300}, {"numbers": 999, "characters": 9999}, "The question is"),
    ],
)
def test_what_cannot_be_answered(
    make_client: MakeClient, form: dict[str, str], limits: dict[str, int], message: str
) -> None:
    page = make_client(**limits).post("/", data=form)
    assert page.status_code == 422 and message in page.text


def call(app: Any, receive: Any, **headers: str) -> list[dict[str, Any]]:
    """What the application sends to a client that sends its body bit by bit."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    there = {"host": "localhost", "content-type": "application/x-www-form-urlencoded"} | headers
    encoded = [(k.encode(), v.encode()) for k, v in there.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": encoded, "client": ("a", 1)}
    asyncio.run(app(scope, receive, send))
    return sent


def test_too_large_a_body_is_refused_before_it_is_read(make_client: MakeClient, reader: Reader) -> None:
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 100
        return {"type": "http.request", "body": b"a" * 100, "more_body": True}

    sent = call(make_app(reader, "m", Limits(body=1000)), receive)
    assert sent[0]["status"] == 413 and read == 1100
    assert (b"connection", b"close") in sent[0]["headers"]
    fields = b"&".join(b"a=1" for _ in range(2000))
    head = {"content-type": "application/x-www-form-urlencoded"}
    assert make_client().post("/", content=fields, headers=head).status_code == 413


def test_the_longest_text_fits_twice(make_client: MakeClient) -> None:
    passage, question = "😀" * 100, "😀" * 9 + "?"
    form = {"passage": passage, "question": question, "asked-passage": passage, "asked-question": question}
    assert make_client(characters=100, body=600_000 // 200).post("/", data=form).status_code == 200


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_other_kinds_of_body_are_refused(make_client: MakeClient, kind: str) -> None:
    assert make_client().post("/", content=b"passage=1", headers={"content-type": kind}).status_code == 415


def test_a_slow_client_is_let_go(reader: Reader) -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        raise AssertionError

    assert call(make_app(reader, "m", Limits(request_seconds=0.05)), receive)[0]["status"] == 408


def test_a_client_that_has_left_is_not_answered(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    body = urlencode({"passage": PASSAGE, "question": QUESTION}).encode()
    messages = iter([{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    monkeypatch.setattr(web, "ask", lambda *_: pytest.fail("asked"))
    assert call(make_app(reader, "m"), receive)[0]["status"] == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:7860"}, 421),
        ({"host": "[::1"}, 421),
        ({"host": "[::1]:7860"}, 200),
        ({"host": "localhost:1234"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": HOST}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_other_sites_are_refused(make_client: MakeClient, headers: dict[str, str], status: int) -> None:
    form = {"passage": PASSAGE, "question": QUESTION}
    assert make_client().post("/", data=form, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "status"), [("192.0.2.7:80", 200), ("[2001:db8::1]", 200), ("my.name", 200), ("evil.example", 421)]
)
def test_beyond_loopback_addresses_and_given_names_will_do(reader: Reader, host: str, status: int) -> None:
    client = TestClient(make_app(reader, "m", names=["my.name"], addresses=True))
    headers = {"host": host, "origin": f"http://{host}"}  # over plain http a browser says no more
    assert client.post("/", data={"example": "1"}, headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/x", "/..%2f..%2fetc%2fpasswd", "//etc/passwd", "/file=/etc/passwd"])
def test_there_is_one_page(make_client: MakeClient, path: str) -> None:
    response = make_client().get(path)
    assert response.status_code == 404 and "root:" not in response.text
    assert make_client().put("/").status_code == 405


def test_a_client_that_asks_too_often_waits(make_client: MakeClient) -> None:
    client = make_client(per_minute=2)
    form = {"passage": PASSAGE, "question": QUESTION}
    assert [client.post("/", data=form).status_code for _ in range(2)] == [200, 200]
    refused = client.post("/", data=form)
    assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 30
    assert (Elements(refused.text).textarea or "").removeprefix("\n") == PASSAGE
    assert client.get("/").status_code == 200


def test_the_rate_refills_and_forgets() -> None:
    now = [0.0]
    rate = Rate(60, lambda: now[0])
    assert [rate.wait("a") for _ in range(60)] == [0.0] * 60
    assert rate.wait("a") == pytest.approx(1) and rate.wait("b") == 0
    now[0] = 0.5
    assert rate.wait("a") == pytest.approx(0.5)
    now[0] = 1.0
    assert rate.wait("a") == 0 and rate.wait("a") > 0
    now[0] = 1e6
    assert [rate.wait("a") for _ in range(60)] == [0.0] * 60 and rate.wait("a") > 0  # no more than a minute's worth
    for i in range(2 * MOST_CLIENTS):
        rate.wait(str(i))
    assert len(rate._left) == MOST_CLIENTS


def test_an_address_counts_for_its_network() -> None:
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff:1") != client_of("2001:db8:0:1::1")
    assert client_of("192.0.2.1") != client_of("192.0.2.2") and client_of("::1") == "::1" and client_of("x") == "x"


def test_one_question_at_a_time_and_a_full_house_says_so(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, most, ask = 0, 0, web.ask
    lock = threading.Lock()

    def counted(*args: Any) -> Any:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            return ask(*args)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(web, "ask", counted)
    statuses: list[int] = []
    with make_client(client_waiting=3) as client:
        send = lambda: statuses.append(  # noqa: E731
            client.post("/", data={"passage": PASSAGE, "question": QUESTION}).status_code
        )
        threads = [threading.Thread(target=send) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.post("/", data={"passage": PASSAGE, "question": QUESTION}).status_code == 200
    assert most == 1 and set(statuses) <= {200, 503} and statuses.count(200) >= 4 and 503 in statuses


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_no_stack_trace_reaches_the_browser(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise error("secret")

    monkeypatch.setattr("anzan.web.asking.explain", broken)
    page = make_client().post("/", data={"passage": PASSAGE, "question": QUESTION})
    assert page.status_code == 500 and "Something went wrong" in page.text
    assert "secret" not in page.text and "Traceback" not in page.text and "secret" in caplog.text
    assert (Elements(page.text).textarea or "").removeprefix("\n") == PASSAGE


def test_a_reader_without_a_calculator(random_encoder: Path) -> None:
    model, tokenizer = new_model(ModelSettings(encoder=str(random_encoder), operations=[]))
    client = TestClient(make_app(Reader(model(model, tokenizer)), "span"), base_url=HOST)
    page = client.post("/", data={"passage": PASSAGE, "question": QUESTION})
    assert page.status_code == 200 and "it has no calculator" in page.text
    assert "into the calculator" not in page.text and "Does it need" not in page.text


def test_an_answer_that_depends_on_a_sign_is_seen_to_depend_on_it(reader: Reader) -> None:
    """Wrong results keep signs; exchanged operands reverse them."""
    asked = ask(reader, PASSAGE, QUESTION)
    before = asked.explanation.answer.steps[0].calculation
    [exchanged] = [each.printed for each in asked.outcomes if each.intervention.name == EXCHANGED_OPERANDS]
    signs = [[clause.startswith("-") for clause in line.split(" , ")] for line in (before, exchanged)]
    assert signs[0][1:] == [not sign for sign in signs[1][1:]]
    assert [each.intervention.name for each in asked.outcomes].count(WRONG_RESULTS) == 8
