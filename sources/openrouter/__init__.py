"""Tokens a day by model, as routed by OpenRouter."""
