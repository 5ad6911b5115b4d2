"""A prompt as the model reads it, with the tokens that an intervention edits."""

from reft_studio.base_model import BaseModel
from reft_studio.positions import Piece, Tokens, locate, parse_positions
from reft_studio.prompts import render


def preview(base: BaseModel, prompt: str, positions: str) -> tuple[Piece, ...]:
    """The pieces of a conversation that begins with `prompt`; raises RecipeError for unreadable positions."""
    rendered = render(base.tokenizer, [{"role": "user", "content": prompt}])
    ((start, end),) = rendered.prompt_spans
    edited = set(locate(parse_positions(positions), end - start, start).of(Tokens.ALL))
    ids, begun, said, pieces = rendered.token_ids, 0, "", []
    for end in range(1, len(ids) + 1):
        # From the start each time: what a token says may depend on those before it.
        text = str(base.tokenizer.decode(ids[:end], clean_up_tokenization_spaces=False))
        # Half a character, or a token that only says how the next one is to be read, is no piece by itself.
        whole = len(text) > len(said) and text.startswith(said) and not text.endswith("\ufffd")
        if whole or end == len(ids):
            pieces.append(Piece(text[len(said) :], not edited.isdisjoint(range(begun, end))))
            begun, said = end, text
    return tuple(pieces)
