from xml.etree import ElementTree

from zennas.io.html import html_table


def test_cells_are_text_and_in_their_places() -> None:
    table = ElementTree.fromstring(html_table(["a", "<b>"], [["1 & 2", 3], ["</td>", None]], 'a "title"'))
    assert [cell.text for cell in table.iter("th")] == ["a", "<b>"]
    assert [[cell.text for cell in row] for row in table.find("tbody") or ()] == [["1 & 2", "3"], ["</td>", "None"]]
    caption = table.find("caption")
    assert caption is not None
    assert caption.text == 'a "title"'
