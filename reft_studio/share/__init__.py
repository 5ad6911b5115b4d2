"""Bots go out to the Hugging Face Hub, and come in from it. No torch here but in `pyreft`:
the page does this by itself."""
