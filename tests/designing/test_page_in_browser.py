import pytest

from tests.report.browser import opened
from zennas.report.design_page import write_design_report


@pytest.mark.slow
def test_the_page_draws_itself(whole, tmp_path):
    write_design_report(whole, tmp_path / "design.html")
    with opened(tmp_path / "design.html", tmp_path / "profile") as driver:
        assert not [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
        text = driver.find_element("tag name", "main").text
        assert f"{100 * whole.test_accuracy:.2f} %" in text
        assert "looked at once" in text
        assert all(candidate.plan.name in text for candidate in whole.candidates)
        assert len(driver.find_elements("css selector", "#rounds tbody tr")) == 2
        assert len(driver.find_elements("css selector", "#candidates tbody tr")) == 5
