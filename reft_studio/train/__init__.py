"""From demonstrations to a bot. `events` needs no torch, so that the page can read it; `loop` trains."""
