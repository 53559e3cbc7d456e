"""What --debug logs: enough to follow, nothing that opens a door."""

from __future__ import annotations

import logging

import pytest

from promoter.access.http import HttpClient
from promoter.access.redaction import redact_log
from promoter.cli.console import log_everything
from tests.services.misbehaving import Answer, serving


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            'https://s3.example.com:443 "GET /blob?X-Amz-Signature=canary&x=1 HTTP/1.1" 200 5',
            'https://s3.example.com:443 "GET /blob?*** HTTP/1.1" 200 5',
        ),
        (
            "Redirecting http://a.example -> https://b.example/x?sig=canary#y, then on",
            "Redirecting http://a.example -> https://b.example/x?***, then on",
        ),
        ("https://b.example?sig=canary", "https://b.example?***"),
        ("(url='/x?sig=canary')", "(url='/x?***')"),
        ("what is it? a/b? nothing", "what is it? a/b? nothing"),
        ("https://u:canary@host/x", "https://***@host/x"),
    ],
)
def test_a_line_of_the_log_holds_no_query(line: str, shown: str) -> None:
    assert redact_log(line) == shown


def test_debug_shows_where_a_request_went_and_not_its_query(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    level = root.level
    monkeypatch.setattr(root, "handlers", [])
    client = HttpClient(proxies={})
    try:
        log_everything()
        with serving({("GET", "/blob"): Answer(200)}) as server:
            client.request("GET", f"http://{server.host}/blob?X-Amz-Signature=canary")
    finally:
        client.close()
        root.setLevel(level)
    told = capsys.readouterr().err
    assert '"GET /blob?*** HTTP/1.1" 200' in told
    assert "canary" not in told
