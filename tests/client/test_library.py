"""What came in stays until it has expired for certain."""

from contextlib import closing
from pathlib import Path

from qanat_client.reporter.clock import today
from qanat_client.reporter.database import connect
from qanat_client.reporter.desks import Desks
from qanat_client.reporter.home import Home
from qanat_client.reporter.library import Library
from qanat_protocol.letter import seal_dummy


def test_a_relay_that_tells_a_false_day_takes_no_reply_away(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    fresh, old = seal_dummy(today=today()), seal_dummy(today=today() - 60)
    with closing(connect(home)) as connection:
        library = Library(home, connection, Desks(home))
        for sealed in (fresh, old):
            assert library.keep_reply(sealed.header, sealed.body)
        library.clear_expired(0)
        assert len(library.replies()) == 2
        library.clear_expired(2**32 - 1)
        assert [reply.header for reply in library.replies()] == [fresh.header]
