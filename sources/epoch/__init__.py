"""Epoch AI's open data: sites, their timelines, and reports on the use of AI."""
