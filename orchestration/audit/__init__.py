"""The checks between a build and its release: what is declared, what ran, what it found."""
