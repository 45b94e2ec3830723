"""How Superset runs here; `bi/serve.py` hands it its folder and its secret key."""

from copy import deepcopy

from superset.config import TALISMAN_CONFIG as _SHIPPED

# DuckDB counts as unsafe since it can read files; the connection says that it may not.
PREVENT_UNSAFE_DB_CONNECTIONS = False

# The browser may reach nothing but this server: no telemetry, no fonts, no maps from elsewhere.
TALISMAN_CONFIG = deepcopy(_SHIPPED)
TALISMAN_CONFIG["content_security_policy"] |= {
    "img-src": ["'self'", "blob:", "data:"],
    "connect-src": ["'self'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "font-src": ["'self'", "data:"],
}

SESSION_COOKIE_SAMESITE = "Strict"
# What is shown is what the file holds now.
DATA_CACHE_CONFIG = CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
