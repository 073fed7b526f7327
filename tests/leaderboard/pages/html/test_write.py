"""The page as a file: one, self-contained, and deaf to what a record may hold."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from draw_records import drawn_run

from adabench.leaderboard.pages.html.write import (
    embed_json,
    page_data,
    render_page,
    write_page,
    write_pages_apart,
)
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>&amp;\u2028'\""


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of script and style elements."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.texts = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.found and self.found[-1][0] in ("script", "style") and data.strip():
            self.texts.append((*self.found[-1], data))


@pytest.fixture
def tables(make_record):
    # The schema refuses the line separator; the page stays safe by itself.
    fields = ("method", "config", "commit")
    hostile = make_record().model_copy(
        update={**dict.fromkeys(fields, HOSTILE), "overrides": [HOSTILE], "notes": [HOSTILE]}
    )
    entries = [Entry(make_record(), "measured"), Entry(hostile, HOSTILE)]
    return build_tables(entries)


@pytest.fixture
def elements(tables):
    return Elements(render_page(tables))


def test_what_a_record_holds_never_becomes_an_element(elements, tables):
    assert [tag for tag, _ in elements.found if tag in ("script", "img")] == ["script", "script"]
    assert not [name for _, attrs in elements.found for name in attrs if name.startswith("on")]
    (data,) = [text for tag, attrs, text in elements.texts if attrs.get("id") == "data"]
    assert not set("<>&\u2028\u2029") & set(data)
    assert json.loads(data) == json.loads(json.dumps(page_data(tables)))
    methods = [row["method"] for track in json.loads(data)["tracks"] for row in track["rows"]]
    assert HOSTILE in methods


@pytest.mark.parametrize("text", [HOSTILE, "\u2029", "é 日本", "\\u003c", "</SCRIPT>"])
def test_json_comes_back_as_it_went_in(text):
    embedded = embed_json({text: [text, 1.5, None]})
    assert json.loads(embedded) == {text: [text, 1.5, None]}
    assert "<" not in embedded


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed_json([float("nan")])


def test_the_policy_allows_the_pages_own_script_and_style_alone(elements):
    (policy,) = [
        attrs["content"]
        for tag, attrs in elements.found
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for tag in ("script", "style"):
        (text,) = [
            text for name, attrs, text in elements.texts if name == tag and "id" not in attrs
        ]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_the_page_names_no_host(tables):
    page = render_page(tables)
    hosts = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", page))
    assert hosts == {"http://www.w3.org"}, "an SVG namespace is no address; anything else is"
    assert "@import" not in page
    assert "url(" not in page


def test_no_style_attribute_that_the_policy_would_refuse(elements):
    assert not [attrs for _, attrs in elements.found if "style" in attrs]


def test_the_page_is_readable_without_its_script(elements):
    tags = [tag for tag, _ in elements.found]
    assert {"noscript", "main", "nav", "dialog", "h1"} <= set(tags)
    assert ("html", {"lang": "en"}) in elements.found
    viewport = [attrs for _, attrs in elements.found if attrs.get("name") == "viewport"]
    assert viewport[0]["content"].startswith("width=device-width")


def test_it_is_written_with_links_as_seen_from_its_folder(make_record, tmp_path):
    entry = Entry(make_record(), "measured", tmp_path / "board" / "measured" / "x.json")
    path = write_page(build_tables([entry]), tmp_path / "board" / "index.html")
    assert path == tmp_path / "board" / "index.html"
    page = path.read_text(encoding="utf-8")
    assert '"file":"measured/x.json"' in page
    assert str(tmp_path) not in page
    assert page == render_page(build_tables([entry]), tmp_path / "board")


def test_the_same_records_make_the_same_page(tables):
    assert render_page(tables) == render_page(tables)


def test_an_empty_leaderboard_has_a_page_too(tmp_path):
    assert write_page([], tmp_path / "index.html").is_file()


def test_a_page_names_the_scale_of_its_tables_and_no_name_becomes_an_element(tables):
    assert "to a drawn score (0 to 63)." in render_page(tables)
    scale = tables[0].scale.model_copy(update={"name": HOSTILE})
    page = Elements(render_page([replace(tables[0], scale=scale)]))
    assert [tag for tag, _ in page.found if tag in ("script", "img")] == ["script", "script"]
    mixed = render_page([*tables, replace(tables[0], scale=scale)])
    assert "Errors in points of the track&#x27;s scale over" in mixed
    assert '"RMSE, points of the track\'s scale"' in mixed


def test_on_a_page_of_drawn_faces_too_a_papers_method_is_none_of_the_baselines(printed, tmp_path):
    entries = [
        Entry(printed("newmap", "New-MAP"), "reported"),
        Entry(drawn_run("New-MAP", 0, 3.0), "measured"),
    ]
    drawn = write_pages_apart(build_tables(entries), tmp_path / "index.html")[1]
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', drawn.read_text())
    (track,) = json.loads(data[1])["tracks"]
    assert [row["family"] for row in track["rows"]] == ["New-MAP"]
