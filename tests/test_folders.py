"""A folder is replaced whole or not at all."""

from pathlib import Path

import pytest

from reft_studio.folders import replace_folder, settle


def test_a_folder_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "file").touch()
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "never written", folder)
    assert [path.name for path in folder.iterdir()] == ["file"]


@pytest.mark.parametrize("fresh_came", [False, True])
def test_what_was_left_beside_is_settled_once(tmp_path: Path, fresh_came: bool) -> None:
    folder, earlier = tmp_path / "one", tmp_path / ".one.earlier"
    earlier.mkdir()
    (earlier / "file").write_text("earlier")
    if fresh_came:
        folder.mkdir()
        (folder / "file").write_text("fresh")
    for _ in range(2):
        settle(folder)
        assert [path.name for path in tmp_path.iterdir()] == ["one"]
        assert (folder / "file").read_text() == ("fresh" if fresh_came else "earlier")
