"""What the running relay says of itself to another process of its operator: read from its /metrics.

Nothing where `listen_metrics` names no address, or where nobody answers there.
"""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from qanat_relay.config import Config, parse_listen
from qanat_relay.store.files import LOCK

ANSWER_S = 5.0
MAX_ANSWER_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of /metrics, at one moment. Counters go from the start of that process."""

    by_sample: dict[tuple[str, str], float]
    """By the name without prefix, and the value of its label, or nothing."""

    def one(self, name: str, label: str = "") -> float:
        """One sample; 0 where it is not told."""
        return self.by_sample.get((name, label), 0.0)

    def all(self, name: str) -> dict[str, float]:
        """Those of one name by the value of their label."""
        return {label: value for (each, label), value in self.by_sample.items() if each == name}


def read_numbers(config: Config) -> Numbers | None:
    """From the first address at which the relay of these settings answers."""
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        # As it is installed without the relay's extra, it serves no metrics either.
        return None
    for text in config.listen_metrics:
        answer = _ask(*parse_listen(text))
        if answer is None:
            continue
        prefix = "qanat_relay_"
        numbers = {
            (sample.name.removeprefix(prefix), next(iter(sample.labels.values()), "")): sample.value
            for family in text_string_to_metric_families(answer)
            for sample in family.samples
        }
        if ("store_answers", "") in numbers:
            return Numbers(numbers)
    return None


def is_served(store: Path) -> bool | None:
    """Whether a relay is seen to run on a store; None where the system shows no locks. One in
    another container is not seen. Takes no lock: a relay that starts in that moment would be
    refused."""
    try:
        here = (store / LOCK).stat()
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    # The device before the number is not always the one that `stat` tells (btrfs).
    return re.search(rf" FLOCK .*:{here.st_ino} ", locks) is not None


def _ask(host: str, port: int) -> str | None:
    try:
        unspecified = ip_address(host).is_unspecified
    except ValueError:
        unspecified = False
    if unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        body = response.read(MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body.decode("utf-8", "replace") if response.status == 200 else None
