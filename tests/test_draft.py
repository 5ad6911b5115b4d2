"""Every change of the rows can be taken back and made again, and touches nothing else."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reft_studio.demonstrations import Demonstration
from reft_studio.draft import Draft, Edit

few = st.text("ab", max_size=2)
rows = st.lists(st.builds(Demonstration, few, few), max_size=6).map(tuple)
drafts = st.builds(Draft, few, rows, st.just(()), st.none() | st.just(("only emoji",)), few)


@given(drafts, drafts)
def test_an_edit_leads_from_one_draft_to_the_other_and_back(before, after):
    edit = Edit.between(before, after)
    assert edit.redone(before) == after
    assert edit.undone(after) == before


@given(drafts, rows, few)
def test_what_was_changed_since_beside_the_rows_stays(before, changed, name):
    after = replace(before, demonstrations=changed)
    renamed = replace(after, name=name)
    undone = Edit.between(before, after).undone(renamed)
    assert undone == replace(before, name=name)


@given(rows, rows, st.builds(Demonstration, few, few))
def test_an_edit_is_no_larger_than_what_changed(above, below, row):
    before = Draft(demonstrations=(*above, *below))
    edit = Edit.between(before, Draft(demonstrations=(*above, row, *below)))
    assert (edit.removed, len(edit.added)) == ((), 1)


@given(rows, rows, *[st.builds(Demonstration, few, few)] * 3)
def test_what_goes_on_with_a_row_is_taken_back_together_with_it(above, below, one, two, three):
    drafts = [Draft(demonstrations=(*above, row, *below)) for row in (one, two, three)]
    first, then = Edit.between(*drafts[:2]), Edit.between(*drafts[1:])
    if joined := first.joined(then):
        assert joined.undone(drafts[2]) == drafts[0]
        assert joined.redone(drafts[0]) == drafts[2]
    else:
        # Where a letter changed nothing, or made the row one of those beside it.
        assert one == two or two == three or two in (*above[-1:], *below[:1], one, three)


def test_what_is_written_into_another_row_is_a_change_of_its_own():
    empty, some, other = Demonstration("", ""), Demonstration("a", ""), Demonstration("", "b")
    tables = [Draft(demonstrations=rows) for rows in ((empty, empty), (some, empty), (some, other))]
    assert Edit.between(*tables[:2]).joined(Edit.between(*tables[1:])) is None
