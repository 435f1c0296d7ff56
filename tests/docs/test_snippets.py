"""Every snippet of the README and of docs/ runs, and every reply shown there is what the service answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages import PAGES, ROOT, Snippet, snippets
from docs.session import Session, assert_same_text, assert_same_tree

NOT_RUN = re.compile(
    r"((CHAINRULE|OTEL)_\w+=\S+ )?(make|docker|podman|pip (install|wheel)|chainrule serve|chainrule class .* --ray"
    r"|uvicorn|serve run|serve deploy|ray start|ray job submit|kubectl apply|\. \.venv/bin/activate)\b"
)
"""How a line of a snippet that is not run may begin: it builds, installs or keeps running."""

of_each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


@of_each_page
def test_snippets_run_and_say_what_the_page_shows(page: Path, url: str, tmp_path: Path) -> None:
    Session(page, url, tmp_path).run_all(snippets(page))


@of_each_page
def test_what_is_not_run_could_not_be(page: Path) -> None:
    for snippet in snippets(page):
        if snippet.words == ("bash", "no-run"):
            for line in re.sub(r"\\\n\s*", "", snippet.text).splitlines():
                assert NOT_RUN.match(line), f"{page.name}, line {snippet.line}: run this in the test"


@of_each_page
def test_every_fence_is_closed(page: Path) -> None:
    fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(snippets(page))


def test_a_reply_that_is_not_true_is_seen(url: str, tmp_path: Path) -> None:
    request = '{"network": {"layers": [{"op": "relu"}]}, "inputs": [[1, -2]]}'
    asked = Snippet(("json", "POST", "/v1/forward"), request, 1)
    session = Session(tmp_path / "page.md", url, tmp_path)
    session.run_all([asked, Snippet(("json", "reply", "part"), '{"outputs": [[1, 0]]}', 2)])
    with pytest.raises(AssertionError, match=r"page\.md, line 2: /outputs/0/1"):
        session.run_all([asked, Snippet(("json", "reply", "part"), '{"outputs": [[1, 0.001]]}', 2)])
    with pytest.raises(AssertionError, match="there, and not shown"):
        session.run_all([asked, Snippet(("json", "reply"), '{"outputs": [[1, 0]]}', 2)])
    with pytest.raises(AssertionError, match="status 200, not 422"):
        session.run_all([asked, Snippet(("json", "reply", "part", "422"), "{}", 2)])


def test_a_request_that_is_refused_needs_its_refusal_shown(url: str, tmp_path: Path) -> None:
    asked = Snippet(("json", "POST", "/v1/forward"), '{"inputs": [[1]]}', 1)
    with pytest.raises(AssertionError, match="network is missing"):
        Session(tmp_path / "page.md", url, tmp_path).run_all([asked, Snippet(("text",), "", 4)])


@pytest.mark.parametrize(
    ("found", "shown", "same"),
    [
        ("a1  3.0\n", "a1  3\n", True),
        ("a1  3.0", "a2  3.0", False),
        ("C = 0.1", "C = 0.1000001", False),
        ("C = 1e-3", "C = 0.001", True),
        ("one\ntwo", "one", False),
    ],
)
def test_printed_numbers_are_compared_as_numbers(found: str, shown: str, same: bool) -> None:
    if same:
        assert_same_text(found, shown)
    else:
        with pytest.raises(AssertionError):
            assert_same_text(found, shown)


@pytest.mark.parametrize(("found", "shown"), [({"a": 1}, {"a": True}), ([1, 2], [1]), ({"a": "1"}, {"a": 1})])
def test_json_of_other_kinds_is_not_the_same(found: object, shown: object) -> None:
    with pytest.raises(AssertionError):
        assert_same_tree(found, shown, part=False)
