"""List prices of tokens, by provider and model."""
