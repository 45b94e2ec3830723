"""What can be done with releases that were published: list, compare, verify, put back, prune."""
