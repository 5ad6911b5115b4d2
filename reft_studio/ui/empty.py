"""What is shown where there is nothing yet: the app's mark, and what to do."""

LOGO = (
    '<svg viewBox="0 0 64 32" aria-hidden="true"><path d="M6 22H22L34 9L46 22H58"/>'
    '<circle cx="6" cy="22" r="4"/><circle cx="22" cy="22" r="4"/>'
    '<circle class="moved" cx="34" cy="9" r="5"/>'
    '<circle cx="46" cy="22" r="4"/><circle cx="58" cy="22" r="4"/></svg>'
)
"""Four dots in a row, and one that is moved: what an intervention does."""


def empty(kind: str, text: str) -> str:
    """A panel of this kind, as HTML, that says what to do."""
    return f'<div class="{kind} empty">{LOGO}<p>{text}</p></div>'
