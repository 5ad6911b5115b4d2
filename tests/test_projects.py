"""Projects come back as they were left, every change of one can be undone, and nobody gets at another's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from reft_studio.database import Database
from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft
from reft_studio.errors import ProjectError, StorageError
from reft_studio.projects import MOST_EDITS, Project, Projects

ROWS = (Demonstration("Hi", "👩🏽‍🚀"), Demonstration("", ""), Demonstration(" =1+1\n", "<b>שלום</b>"))
MINE = "somebody"


@pytest.fixture
def projects(tmp_path: Path) -> Projects:
    return Projects(Database(tmp_path / "studio.sqlite3"))


@pytest.fixture
def one(projects: Projects) -> str:
    return projects.opened_last(MINE)


def again(tmp_path: Path) -> Projects:
    return Projects(Database(tmp_path / "studio.sqlite3"))


def test_who_comes_first_finds_one_empty_project_and_always_the_same(projects: Projects, one: str) -> None:
    assert projects.all("ann") == []
    assert projects.opened_last(MINE) == one
    assert projects.all(MINE) == [Project(one, "", 0)]
    assert projects.draft(MINE, one) == Draft()


def test_each_project_comes_back_exactly_after_a_restart(
    projects: Projects, one: str, tmp_path: Path
) -> None:
    draft = Draft("A bot", ROWS, ("And you?",), ("only emoji",), "Be brief.")
    projects.save(MINE, one, Draft("Another"))
    projects.save(MINE, one, draft)
    other = projects.add(MINE, Draft("Other", ROWS[:2]), most=2)
    projects = again(tmp_path)
    assert projects.draft(MINE, one) == draft
    assert projects.all(MINE) == [Project(other, "Other", 1), Project(one, "A bot", 2)]


def test_the_one_opened_last_is_open_after_a_restart(projects: Projects, one: str, tmp_path: Path) -> None:
    other = projects.add(MINE, Draft(), most=9)
    assert projects.opened_last(MINE) == other
    projects.save(MINE, one, Draft("Changed in another window"))
    assert projects.opened_last(MINE) == other
    projects.open(MINE, one)
    projects.opened_last("ann")
    assert again(tmp_path).opened_last(MINE) == one


def test_a_deleted_project_takes_its_edits_along_and_leaves_all_others(
    projects: Projects, one: str, tmp_path: Path
) -> None:
    kept = Draft("Kept", (Demonstration("A kept word", ""),))
    projects.save(MINE, one, kept)
    other = projects.add(MINE, Draft(), most=9)
    for word in ("A secret word", "Another secret"):
        projects.save(MINE, other, Draft("Other", (Demonstration(word, ""),)))
    projects.delete(MINE, other)
    projects.delete(MINE, other)
    assert [project.id for project in projects.all(MINE)] == [projects.opened_last(MINE)] == [one]
    assert projects.draft(MINE, one) == kept
    assert projects.can_undo(MINE, one)
    written = b"".join(file.read_bytes() for file in tmp_path.glob("studio.sqlite3*"))
    assert b"A kept word" in written
    assert b"secret" not in written
    projects.delete(MINE, one)
    assert projects.draft(MINE, projects.opened_last(MINE)) == Draft()


def test_nobody_has_more_projects_than_they_may_and_others_do_not_count(projects: Projects, one: str) -> None:
    projects.add("ann", Draft(), most=1)
    projects.add(MINE, Draft(), most=2)
    with pytest.raises(StorageError, match="You have 2 projects"):
        projects.add(MINE, Draft("One too many"), most=2)
    assert len(projects.all(MINE)) == 2
    projects.delete(MINE, one)
    assert projects.draft(MINE, projects.add(MINE, Draft("Now"), most=2)).name == "Now"


ACCESSES: dict[str, Callable[[Projects, str, str], object]] = {
    "open": Projects.open,
    "look": Projects.draft,
    "save": lambda projects, owner, project: projects.save(owner, project, Draft("Mine now")),
    "undo": Projects.undo,
    "redo": Projects.redo,
    "ask whether it can be undone": Projects.can_undo,
    "ask whether it can be redone": Projects.can_redo,
}


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize("whose", ["another's", "deleted", "nobody's"])
def test_a_project_that_is_not_ones_own_is_as_if_it_did_not_exist(
    projects: Projects, one: str, access: str, whose: str
) -> None:
    for rows in (ROWS, ROWS[:1]):
        projects.save(MINE, one, Draft("A bot", rows))
    projects.undo(MINE, one)
    projects.opened_last("ann")
    gone = projects.add("ann", Draft(), most=2)
    projects.delete("ann", gone)
    with pytest.raises(ProjectError, match="not there any more"):
        ACCESSES[access](projects, "ann", {"another's": one, "deleted": gone, "nobody's": ""}[whose])
    projects.delete("ann", one)
    assert projects.draft(MINE, one) == Draft("A bot", ROWS)
    assert projects.can_undo(MINE, one)
    assert projects.can_redo(MINE, one)
    assert len(projects.all("ann")) == 1


def test_every_change_of_the_rows_can_be_taken_back_and_made_again_also_after_a_restart(
    projects: Projects, one: str, tmp_path: Path
) -> None:
    drafts = [Draft("A bot", ROWS[:count]) for count in range(4)]
    for draft in drafts:
        projects.save(MINE, one, draft)
    other = projects.add(MINE, Draft("Other"), most=2)
    projects.save(MINE, other, Draft("Other", ROWS))
    projects = again(tmp_path)
    for draft in reversed(drafts[:-1]):
        projects.undo(MINE, one)
        assert projects.draft(MINE, one) == draft
    assert (projects.can_undo(MINE, one), projects.can_redo(MINE, one)) == (False, True)
    projects.undo(MINE, one)
    for draft in drafts[1:]:
        projects.redo(MINE, one)
        assert projects.draft(MINE, one) == draft
    assert (projects.can_undo(MINE, one), projects.can_redo(MINE, one)) == (True, False)
    projects.undo(MINE, one)
    projects.save(MINE, one, drafts[0])
    assert not projects.can_redo(MINE, one)
    assert projects.draft(MINE, other) == Draft("Other", ROWS)
    assert projects.can_undo(MINE, other)


def test_two_windows_that_save_at_once_do_not_spoil_what_can_be_taken_back(
    projects: Projects, one: str
) -> None:
    before = Draft("A bot", (Demonstration("a", "A"),))
    projects.save(MINE, one, before)
    both = [replace(before, demonstrations=(*before.demonstrations, Demonstration(x, x))) for x in "bc"]
    barrier = Barrier(2)

    def save(draft: Draft) -> None:
        barrier.wait()
        projects.save(MINE, one, draft)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(40):
            list(pool.map(save, both))
            assert projects.draft(MINE, one) in both
            projects.undo(MINE, one)
            assert projects.draft(MINE, one) in both
            projects.undo(MINE, one)
            assert projects.draft(MINE, one) == before


def test_what_is_typed_letter_by_letter_is_taken_back_at_once_and_the_change_before_is_not(
    projects: Projects, one: str
) -> None:
    def table(*replies: str) -> Draft:
        return Draft("A", tuple(Demonstration(f"Question {n}", reply) for n, reply in enumerate(replies)))

    projects.save(MINE, one, table("a", "b"))
    for number, typed in enumerate(("c", "ci", "cit", "city")):
        projects.save(MINE, one, table("a", typed), goes_on=number > 0)
    projects.save(MINE, one, table("x", "city"), goes_on=True)
    for expected in (table("a", "city"), table("a", "b"), Draft("A")):
        projects.undo(MINE, one)
        assert projects.draft(MINE, one).demonstrations == expected.demonstrations
    for _ in range(2):
        projects.redo(MINE, one)
    assert projects.draft(MINE, one) == table("a", "city")


def test_only_so_many_of_the_newest_changes_are_kept_of_each_project(
    projects: Projects, one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undone_after(project: str, drafts: list[Draft]) -> int:
        for draft in drafts:
            projects.save(MINE, project, draft)
        count = 0
        while projects.can_undo(MINE, project):
            projects.undo(MINE, project)
            count += 1
        return count

    drafts = [Draft(demonstrations=(Demonstration(str(number), ""),)) for number in range(MOST_EDITS + 3)]
    other = projects.add(MINE, Draft(), most=2)
    projects.save(MINE, other, drafts[0])
    assert undone_after(one, drafts) == MOST_EDITS
    assert projects.can_undo(MINE, other)
    monkeypatch.setattr("reft_studio.projects.MOST_EDITED_CHARACTERS", 3000)
    long = [Draft(demonstrations=(Demonstration(c * 400, ""),)) for c in "abcdef"]
    assert 1 <= undone_after(one, long) < 5
    # So much text is kept of all of a person's projects together.
    assert not projects.can_undo(MINE, other)
