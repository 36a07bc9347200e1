"""A relay and a desk for each test, as processes; nothing leaves loopback."""

from tests.end_to_end.abroad import abroad, made_abroad

__all__ = ["abroad", "made_abroad"]
