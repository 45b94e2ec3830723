"""Figures that companies filed with the SEC as XBRL."""
