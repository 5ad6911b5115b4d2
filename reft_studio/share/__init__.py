"""Bots go out to the Hugging Face Hub, and come in from it. No torch here: the page does this by itself."""
