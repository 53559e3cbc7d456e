"""docs/metrics.md tells what is measured, and its alerts are ones."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from docs.make_metrics import PAGE, page_of
from promoter.telemetry.metrics import METRICS
from tests.needs import need

SILENCE = """\
rule_files: [alerts.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'promoter_build_info{version="1"}'
        values: '1x60'
      - series: 'promoter_last_good_look_timestamp_seconds{repository="quiet"}'
        values: '0+60x10 600x50'
      - series: 'promoter_last_good_look_timestamp_seconds{repository="well"}'
        values: '0+60x60'
    alert_rule_test:
      - {alertname: PromoterSilent, eval_time: 24m, exp_alerts: []}
      - alertname: PromoterSilent
        eval_time: 32m
        exp_alerts:
          - exp_labels: {repository: quiet}
            exp_annotations:
              summary: quiet had no good look for a quarter of an hour; the log says why
      - {alertname: PromoterGone, eval_time: 32m, exp_alerts: []}
  - interval: 1m
    input_series: [{series: up, values: '1x20'}]
    alert_rule_test:
      - alertname: PromoterGone
        eval_time: 10m
        exp_alerts:
          - exp_annotations: {summary: "nobody scrapes a promoter; is it running?"}
"""


def blocks(language: str) -> list[str]:
    page = PAGE.read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def test_the_table_is_what_the_list_says() -> None:
    """Where it is not, on purpose: `python -m docs.make_metrics` makes it anew."""
    page = PAGE.read_text("utf-8")
    assert page == page_of(page)


def test_alerts_and_queries_ask_for_what_there_is() -> None:
    known = set(METRICS)
    for metric in METRICS.values():
        if metric.kind == "histogram":
            known |= {f"{metric.name}_{end}" for end in ("bucket", "sum", "count")}
    for block in (*blocks("yaml"), *blocks("promql")):
        assert set(re.findall(r"\bpromoter_\w+", block)) <= known


def test_the_alert_for_silence_tells_of_silence(tmp_path: Path) -> None:
    promtool = need("promtool")
    (alerts,) = blocks("yaml")
    (tmp_path / "alerts.yaml").write_text(alerts)
    (tmp_path / "tests.yaml").write_text(SILENCE)
    for words in (("check", "rules", "alerts.yaml"), ("test", "rules", "tests.yaml")):
        command = [str(promtool), *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
