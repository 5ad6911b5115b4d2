"""Start ReFT Studio: settings, then store and engine, then the page."""

import gc
import os
import signal
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reft_studio.base_ref import BaseRef
    from reft_studio.engine.interface import Engine, JobUpdate
    from reft_studio.settings import Settings


def main() -> None:
    """Run until stopped."""
    # Next to nothing of what starting makes is garbage, and looking for it takes a seventh of the start.
    gc.disable()
    from reft_studio.scratch import Scratch

    with closing(Scratch()) as scratch:
        # Gradio reads it when it is imported. What people send and fetch goes with the app, too.
        os.environ.setdefault("GRADIO_TEMP_DIR", str(scratch.folder / "files"))
        _run(scratch.folder)


def _run(scratch: "Path") -> None:
    # Imported here, since the engine's process imports this file too and needs none of it.
    from filelock import FileLock, Timeout
    from pydantic import ValidationError
    from pydantic_settings import CliApp

    from reft_studio.base_ref import BaseRef
    from reft_studio.engine.pool import Engines
    from reft_studio.errors import EngineError, StorageError
    from reft_studio.logs import configure_logs
    from reft_studio.settings import Settings
    from reft_studio.store import Store
    from reft_studio.trainings import Trainings
    from reft_studio.ui.page import build_ui
    from reft_studio.ui.rates import Rates
    from reft_studio.ui.server import serve
    from reft_studio.ui.studio import Studio

    configure_logs("page")
    # Whoever asks the app to end, such as a container, gets the same orderly end as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        settings = CliApp.run(Settings)
    except ValidationError as error:
        sys.exit("\n".join(f"The setting {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()))
    only_one = FileLock(settings.data_folder / "app.lock", blocking=False)
    try:
        settings.data_folder.mkdir(parents=True, exist_ok=True)
        only_one.acquire()
    except Timeout:
        sys.exit(
            "ReFT Studio is already running with these data. Open it in the browser, or set "
            "REFT_STUDIO_DATA_FOLDER to another folder for a second one."
        )
    except OSError as error:
        sys.exit(f"The data cannot be kept here: {error}. Set REFT_STUDIO_DATA_FOLDER to another folder.")
    base = BaseRef.default(settings)
    try:
        store = Store(settings.data_folder, base)
    except StorageError as error:
        sys.exit(str(error))
    trainings = Trainings(store, settings)
    alone = settings.engine == "process"
    with (
        closing(Engines(_maker(settings, trainings.record), base, share_a_machine=alone)) as engines,
        closing(trainings),
    ):
        try:
            engines.start()
        except EngineError as error:
            sys.exit(str(error))
        trainings.start(engines)
        studio = Studio(settings, store, engines, trainings, Rates(settings), scratch)
        page = build_ui(studio)
        gc.freeze()
        gc.enable()
        serve(page, studio)
        store.closed()


def _maker(settings: "Settings", record: "Callable[[JobUpdate], None]") -> "Callable[[BaseRef], Engine]":
    if not settings.lent_card:
        from reft_studio.engine.process import ProcessEngine

        if settings.engine == "ray":
            from reft_studio.engine.machines import Place
            from reft_studio.engine.ray import RayEngine

            place = Place(settings.ray_address, settings.ray_cpus, settings.ray_gpus)
            return lambda base: RayEngine(base.name, record, base.quantization, place=place)
        return lambda base: ProcessEngine(base.name, record, base.quantization)
    # Before torch, which it changes: there is a card in forks only.
    from reft_studio.engine.lent import LentEngine, Work
    from spaces import GPU  # type: ignore[attr-defined]

    def lend(work: Work, seconds: int) -> Work:
        lent: Work = GPU(duration=seconds)(work)
        return lent

    return lambda base: LentEngine(base.name, record, base.quantization, lend=lend)


if __name__ == "__main__":
    # Ended while it was still starting: nothing is open yet that would be lost.
    with suppress(KeyboardInterrupt):
        main()
