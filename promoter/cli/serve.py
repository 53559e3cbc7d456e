"""`promoter serve`: the long-running deployment."""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import sys
import threading
from pathlib import Path

from promoter import telemetry
from promoter.access.redaction import redact_log
from promoter.app import App, read_rules
from promoter.cli import exit_codes
from promoter.cli.console import paint_for
from promoter.cli.flags import (
    add_rules_or_repository,
    add_world,
    app_from,
    serve_settings_from,
)
from promoter.service.rulebook import Rulebook
from promoter.service.service import Service
from promoter.settings import ServeSettings

EXAMPLE = """\
  promoter serve --rules rules/ --credentials /run/secrets/promoter.yaml
  promoter serve --repository https://git.example.com/manifests.git --poll 5m"""

_log = logging.getLogger(__name__)
_BEAT = 5.0
_TO_CLOSE = 3.0
"""Seconds for requests that are under way, of the time that the stop may take."""


def configure(parser: argparse.ArgumentParser) -> None:
    add_rules_or_repository(parser)
    add_world(parser)
    parser.add_argument(
        "--poll", metavar="TIME", help="how often each repository is looked at (default: 2m)"
    )
    parser.add_argument(
        "--listen",
        metavar="ADDRESS:PORT",
        help="for webhooks, probes and metrics (default: 0.0.0.0:8080)",
    )
    parser.add_argument(
        "--webhook-secrets",
        type=Path,
        metavar="DIR",
        help="a folder with a file for each source of webhooks that may call",
    )
    parser.add_argument("--log", choices=("json", "console"), help="logs (default: json)")


def run(arguments: argparse.Namespace) -> int:
    settings = serve_settings_from(arguments)
    app = app_from(arguments, settings)
    from promoter.telemetry.logs import start_logs

    level = logging.DEBUG if arguments.debug else logging.INFO
    start_logs(settings.log, redact_log, sys.stderr, level, paint_for(sys.stderr))
    ending = _end_on_signals()
    return _serve(app, settings, ending)


def _end_on_signals() -> threading.Event:
    ending = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, lambda *_: ending.set())
    return ending


def _serve(app: App, settings: ServeSettings, ending: threading.Event) -> int:
    """From the start to the signal that ends it. Raises InputError where it can't start."""
    from promoter.service.alarm import Alarm
    from promoter.service.server import WebServer
    from promoter.service.web import make_web
    from promoter.service.webhooks.receiver import Webhooks
    from promoter.telemetry.prometheus import start_metrics

    meter = start_metrics()
    service = Service(
        app.adapters,
        Rulebook(app.rule_files, read_rules),
        app.clock,
        timer=Alarm,
        spread=lambda: random.uniform(-1, 1),  # noqa: S311 - it spreads polls
        poll=settings.poll,
        parallel=settings.parallel,
        rules_at=app.rules_at,
    )

    def count(source: str, result: str) -> None:
        telemetry.count("promoter_webhooks_total", source=source, result=result)

    def metrics(accept: str) -> tuple[bytes, str]:
        service.measure()
        return meter.render(accept)

    webhooks = Webhooks(settings.webhook_secrets, service.nudge, count)
    server = WebServer(make_web(webhooks, service, metrics), *settings.address)
    port = server.start()
    _log.info("listening on port %d", port)
    try:
        service.start()
        while not ending.wait(_BEAT):
            service.beat()
    finally:
        within = settings.stop_within.total_seconds()
        ended = service.stop(max(within - _TO_CLOSE, 0.0))
        server.stop(_TO_CLOSE)
    _log.info("stopped" if ended else "stopped in the middle of a look; the next process goes on")
    if not ended:
        # Threads that wait for a server would keep the process from its end.
        logging.shutdown()
        os._exit(exit_codes.DONE)
    return exit_codes.DONE
