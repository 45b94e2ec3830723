"""Reference exchange rates of the European Central Bank."""
