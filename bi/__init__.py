"""Apache Superset over the release: a dashboard as code, in an environment of its own."""
