"""What the steps of one run share: the settings, the lock of the warehouse, the dbt process."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from orchestration.audit.expectations import import_early
from orchestration.audit.results import CheckResult
from orchestration.dbt_process import DbtProcess
from orchestration.lock import LockedError, hold_lock
from orchestration.release import Release
from orchestration.settings import Settings
from sources.feeds.load import FeedReport
from sources.ledger.load import LedgerReport

# Runs with a step in this pool follow each other: they write to one work database.
WAREHOUSE_POOL = "warehouse"


class Workshop:
    """Everything that the steps of one run work with, and what they found on the way."""

    def __init__(
        self,
        settings: Settings,
        *,
        dbt: DbtProcess | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        """Take what a run needs; without a dbt process one is started when it is asked for."""
        self.settings = settings
        self.progress = progress
        self.report: LedgerReport | None = None
        self.feeds: Sequence[FeedReport] = ()
        self.results: Sequence[CheckResult] = ()
        self.release: Release | None = None
        self.failure: BaseException | None = None
        self._dbt = dbt

    def take_dbt(self) -> DbtProcess:
        """Return the process in which dbt runs next; it serves once."""
        dbt, self._dbt = self._dbt or DbtProcess(self.settings), None
        # From here on dbt works in its own process, and this one has time for a slow import.
        import_early()
        return dbt

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Tell of a step, and keep the reason should it fail."""
        self.say(title)
        try:
            yield
        except GeneratorExit:
            raise
        except BaseException as error:
            # An interruption too: Dagster turns it into an error that is no Exception.
            self.failure = error
            raise

    def say(self, message: str) -> None:
        """Tell whoever watches how far the run is."""
        if self.progress:
            self.progress(message)


def make_workshop(settings: Settings) -> dg.ResourceDefinition:
    """Return the resource that holds the warehouse for as long as a run lasts."""

    @dg.resource(description="The lock of the warehouse and what the steps of a run share.")
    def workshop(context: dg.InitResourceContext) -> Iterator[Workshop]:
        log = context.log
        purpose = f"Dagster run {context.run.run_id}" if context.run else "Dagster"
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(hold_lock(settings.warehouse_dir, purpose))
            except LockedError as error:
                # Dagster's own runs queue for the pool; this one met a command at a terminal.
                if log:
                    log.info(f"waiting: {error}")
                stack.enter_context(hold_lock(settings.warehouse_dir, purpose, wait=True))
            yield Workshop(settings, progress=log.info if log else None)

    return workshop
