"""The page, one file per tab. The only package that imports gradio; it imports no torch."""
