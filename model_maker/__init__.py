"""Makes the embedded chat model: world -> corpus -> tokenizer -> network -> model folder -> scores."""
