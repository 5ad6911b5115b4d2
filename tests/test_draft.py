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
