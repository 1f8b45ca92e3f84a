"""The page in a real browser: no errors, charts drawn, and pointer and keys do what is said."""

import time

import pytest

import zennas
from tests.report.browser import chromium_or_skip, opened
from zennas.report import write_report
from zennas.report.inside import inside

NASTY = 'run <img src=x onerror="document.title=1"></script><b>&amp;'


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    chromium_or_skip()
    parent = tmp_path_factory.mktemp("runs")
    settings = dict(layers=12, iterations=900, population=32, rescore=0)
    zennas.search("resnet", 32, 10, params="300k", out=parent / "one", **settings)
    zennas.search("mobilenet", 32, 10, params=["200k", "400k"], out=parent / NASTY.replace("/", "∕"), **settings)
    return parent


@pytest.fixture
def page(runs, tmp_path):
    path = tmp_path / "report.html"
    write_report([zennas.read_run(directory) for directory in sorted(runs.iterdir())], path)
    return path


def errors(driver):
    return [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def find(driver, selector):
    return driver.find_elements("css selector", selector)


def painted(driver):
    """Pixels of the canvas that are not transparent."""
    return driver.execute_script(
        "const c = document.querySelector('#candidates canvas');"
        "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v).length"
    )


def test_charts_are_drawn_and_answer(page, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    with opened(page, tmp_path / "profile") as driver:
        time.sleep(0.5)
        assert errors(driver) == []
        assert len(find(driver, "#history path.best")) == 3
        assert painted(driver) > 1000
        assert len(find(driver, "#winner g.block")) >= 6
        assert find(driver, "#layers rect.bar")
        assert find(driver, "#changes path.area")
        assert find(driver, "#family circle.ancestor")
        assert len(find(driver, "#candidates line.budget")) == 3

        tip = driver.find_element("id", "tip")
        star = find(driver, "#candidates path.winner")[0]
        driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", star)
        ActionChains(driver).move_to_element(star).perform()
        assert "score " in tip.text
        assert "SuperConv" in tip.text
        ActionChains(driver).move_to_element(star).click().perform()
        shown = driver.find_element("css selector", "#selected pre").text
        assert zennas.parse_structure(shown).super_blocks
        assert len(find(driver, "#selected g.block")) == len(zennas.parse_structure(shown).super_blocks)

        driver.execute_script("document.getElementById('selected').replaceChildren()")
        chart = find(driver, "#candidates .chart svg")[0]
        chart.send_keys(Keys.HOME)
        first = tip.text
        chart.send_keys(Keys.ARROW_RIGHT)
        assert tip.text != first
        chart.send_keys(Keys.ENTER)
        assert find(driver, "#selected g.block")
        chart.send_keys(Keys.ESCAPE)
        assert not tip.is_displayed()

        choice = driver.find_element("id", "against")
        choice.send_keys("mult")
        # The chart is drawn anew between two frames: for a moment there is none.
        WebDriverWait(driver, 10).until(
            lambda d: any("multiply-adds" in svg.text for svg in find(d, "#candidates .chart svg"))
        )
        assert errors(driver) == []


def test_what_a_click_draws_is_what_was_scored(page, runs, tmp_path):
    """The page rebuilds structures along their parents; every one must be the candidate's own."""
    with opened(page, tmp_path / "profile") as driver:
        for number, directory in enumerate(sorted(runs.iterdir())):
            shown = driver.execute_script(
                "const run = report.runs[arguments[0]];"
                "return [...run.candidates.score.keys()].map(i => structureText(structureOf(run, i)))",
                number,
            )
            candidates = zennas.read_run(directory).candidates()
            assert shown == [zennas.format_structure(c.super_blocks) for c in candidates]


def test_every_network_knows_what_each_of_its_blocks_is_made_of(page, runs, tmp_path):
    with opened(page, tmp_path / "profile") as driver:
        for number, directory in enumerate(sorted(runs.iterdir())):
            told = driver.execute_script(
                "const run = report.runs[arguments[0]], found = {};"
                "for (const i of run.candidates.score.keys()) for (const b of structureOf(run, i)) {"
                "  const text = structureText([b]); found[text] = found[text] || madeOf(run, b);"
                "}"
                "return found",
                number,
            )
            blocks = {b for c in zennas.read_run(directory).candidates() for b in c.super_blocks}
            assert told == {zennas.format_structure((block,)): inside(block) for block in blocks}


def test_names_are_text(page, tmp_path):
    with opened(page, tmp_path / "profile") as driver:
        assert find(driver, "img") == []
        assert "<img src=x" in driver.find_element("id", "subtitle").text
        assert "<img src=x" in driver.find_element("id", "compare").text
        assert "zennas report" in driver.title


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_it_without_sideways_scrolling(page, tmp_path, dark):
    with opened(page, tmp_path / "profile", width=390, height=800, dark=dark) as driver:
        time.sleep(0.5)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
        assert painted(driver) > 500
        ground = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(20, 23, 26)") is dark
        assert errors(driver) == []


def test_dragging_looks_closer_and_a_double_click_shows_all(page, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains

    with opened(page, tmp_path / "profile") as driver:
        time.sleep(0.5)
        whole = painted(driver)
        svg = find(driver, "#candidates .chart svg")[0]
        driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", svg)
        ActionChains(driver).move_to_element_with_offset(svg, -200, -40).click_and_hold().move_by_offset(
            150, 90
        ).release().perform()
        time.sleep(0.3)
        assert 0 < painted(driver) != whole
        ActionChains(driver).double_click(find(driver, "#candidates .chart svg")[0]).perform()
        time.sleep(0.3)
        assert painted(driver) == whole
        driver.find_element("id", "log").click()
        time.sleep(0.3)
        assert 0 < painted(driver) != whole
        assert errors(driver) == []


def test_a_winner_can_be_saved_in_four_forms(page, tmp_path):
    saved = tmp_path / "saved"
    saved.mkdir()
    with opened(page, tmp_path / "profile") as driver:
        time.sleep(0.5)
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(saved)})
        for button in find(driver, "#downloads button"):
            button.click()
            time.sleep(0.5)
        name = driver.find_element("id", "winner-title").text
        deadline = time.monotonic() + 20
        while len(list(saved.glob(f"{name}.*"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.2)
        shown = driver.execute_script("return report.runs[0].winners[report.runs[0].best].structure")
        assert errors(driver) == []
    assert zennas.format_structure(zennas.load(str(saved / f"{name}.yaml"))) == shown
    assert zennas.format_structure(zennas.load(str(saved / f"{name}.txt"))) == shown
    assert (saved / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    svg = (saved / f"{name}.svg").read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "var(" not in svg


def test_runs_that_do_not_compare_are_drawn_apart(tmp_path):
    results = [
        zennas.search(
            params="60k", layers=8, num_classes=classes, iterations=200, rescore=0, out=tmp_path / str(classes)
        )
        for classes in (10, 20)
    ]
    write_report(results, tmp_path / "apart.html")
    with opened(tmp_path / "apart.html", tmp_path / "profile") as driver:
        time.sleep(0.5)
        assert len(find(driver, "#history .chart")) == len(find(driver, "#candidates .chart")) == 2
        assert "do not compare" in driver.find_element("id", "compare").text
        assert errors(driver) == []


def test_a_box_opens_what_it_is_made_of_by_pointer_and_by_keys(page, runs, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    with opened(page, tmp_path / "profile") as driver:
        time.sleep(0.5)
        result = zennas.read_run(sorted(runs.iterdir())[0])
        boxes = find(driver, "#winner g.block")
        block = result.architecture.super_blocks[1]
        ActionChains(driver).move_to_element(boxes[1]).click().perform()
        shown = driver.find_element("css selector", "#winner .inside")
        assert shown.find_element("css selector", "h3").text.startswith(f"Inside 2. {block.block} k{block.kernel}")
        lines = find(driver, ".inside tbody tr")
        told = [[cell.text for cell in line.find_elements("css selector", "td")] for line in lines]
        assert told == [row for part in inside(block) for unit in part["units"] for row in unit["rows"]]
        assert [box.get_attribute("aria-expanded") for box in boxes[:3]] == ["false", "true", "false"]
        driver.execute_script("arguments[0].focus()", boxes[2])
        boxes[2].send_keys(Keys.ENTER)
        assert "Inside 3. " in driver.find_element("css selector", "#winner .inside h3").text
        boxes[2].send_keys(Keys.SPACE)
        assert find(driver, "#winner .inside") == []
        assert errors(driver) == []


def test_a_network_of_the_chart_opens_its_boxes_as_the_winner_does(page, runs, tmp_path):
    from selenium.webdriver.common.keys import Keys

    with opened(page, tmp_path / "profile") as driver:
        time.sleep(0.5)
        chart = find(driver, "#candidates .chart svg")[0]
        for key in (Keys.HOME, Keys.ARROW_RIGHT, Keys.ENTER):
            chart.send_keys(key)
        shown = zennas.parse_structure(driver.find_element("css selector", "#selected pre").text)
        boxes = find(driver, "#selected g.block")
        driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", boxes[2])
        boxes[2].click()
        told = [
            [cell.text for cell in line.find_elements("css selector", "td")]
            for line in find(driver, "#selected .inside tbody tr")
        ]
        parts = inside(shown.super_blocks[2])
        assert told == [row for part in parts for unit in part["units"] for row in unit["rows"]]
        assert boxes[2].get_attribute("aria-expanded") == "true"
        assert find(driver, "#winner .inside") == []
        boxes[1].send_keys(Keys.ENTER)
        assert driver.find_element("css selector", "#selected .inside h3").text.startswith("Inside 2. ")
        boxes[1].send_keys(Keys.SPACE)
        assert find(driver, "#selected .inside") == []
        assert errors(driver) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_whole_network_is_in_sight(page, tmp_path, width):
    with opened(page, tmp_path / "profile", width=width) as driver:
        time.sleep(0.5)
        edges = driver.execute_script(
            "return [...document.querySelectorAll('#winner g.block')].map(g => g.getBoundingClientRect())"
            ".map(r => [r.left, r.right])"
        )
        assert len(edges) >= 6
        assert min(left for left, _ in edges) >= 0
        assert max(right for _, right in edges) <= width
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
