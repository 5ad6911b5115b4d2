"""How reply tokens are drawn. No torch here: the page reads this too."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sampling:
    """The default is greedy: always the likeliest token, hence the same reply every time."""

    temperature: float = 0.0
    """0 is greedy; 1 draws from the model's own distribution."""
    top_p: float = 1.0
    """Draw only from the likeliest tokens that together have this probability."""
    max_new_tokens: int = 128
    seed: int = 42
    """Fixes what is drawn for each request, whatever is asked beside it. Has no effect on greedy replies."""
