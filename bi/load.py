"""Puts roles, the user and the dashboard into Superset's database; `bi/serve.py` runs it."""

from __future__ import annotations

import json
import sys

from superset.app import create_app


def main() -> None:
    """Import what stands in the standard input, over what was imported before."""
    content = json.load(sys.stdin)
    with create_app().app_context():
        # Importable only inside an application.
        from superset import appbuilder, db, security_manager
        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.utils.core import override_user

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        user = security_manager.find_user(content["user"])
        if user is None:
            name, role = content["user"], security_manager.find_role("Admin")
            about = (name, name, name, f"{name}@localhost", role, content["password"])
            user = security_manager.add_user(*about)
        db.session.commit()
        with override_user(user):
            ImportAssetsCommand(content["assets"]).run()


if __name__ == "__main__":
    main()
