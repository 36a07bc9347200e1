"""All that a relay may write to its log, by name: how loud it is, and the sentence for a person.

A field in braces is a number or a word of ours from a closed list; what comes from a connection, an
address, a tag, an id or a path is no field.
"""

from __future__ import annotations

import logging
from enum import Enum

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR


class Event(Enum):
    """Each is (level, sentence); its name in lower case stands in the log."""

    # A relay's life
    SERVING = INFO, "serving"
    STOPPING = INFO, "stopping"
    STOPPED = INFO, "stopped"
    LEFT_OUT = INFO, "lines left out since the start, as there were too many alike: {lines}"
    OLDER_CARD_GIVEN = INFO, "a newer card than the one given is known of a desk; it stays"
    CARD_NOT_MADE = ERROR, "the relay's card can't be made anew: is the disk full?"
    DESK_CARD_BROKEN = (
        ERROR,
        "the folder of desk cards holds a file that is none: run qanat-relay check",
    )
    METRICS_FOR_ALL = (
        WARNING,
        "listen_metrics is no loopback address: whoever reaches it sees when this relay is used",
    )
    DATAGRAMS_NOT_EVERYWHERE = (
        WARNING,
        "one of the addresses for datagrams cannot be taken: {reason}",
    )
    DATAGRAMS_ON_ALL = (
        WARNING,
        "datagrams are taken on every address of this machine: if it has several, answers"
        " may leave from another one, and are lost then; name the very address instead",
    )

    # Settings: the operator's own, whose words they may hold
    SETTINGS_TAKEN = INFO, "the settings are read again; changed: {names}"
    SETTINGS_REFUSED = ERROR, "the new settings are not taken, those before stay: {reason}"
    SETTING_NEEDS_RESTART = WARNING, "{setting} needs a restart: it stays as it was"
    CERTIFICATE_ENDED = WARNING, "the certificate in tls_cert ended on {day}: renew it"
    CERTIFICATE_REFUSED = ERROR, "the new certificate is not taken, the one before stays: {reason}"
    CERTIFICATE_TAKEN = INFO, "the certificate is read anew; it ends on {day}"

    # Sessions
    SESSION_LOST = DEBUG, "a session lost its connection"
    SESSION_ENDED = DEBUG, "a session ended: {verdict}"
    SESSION_MADE_WAY = DEBUG, "a session that hardly moved made way for another"
    SESSION_REFUSED = DEBUG, "a session was told to come back later: all places are taken"
    SESSION_MET_STORE_ERROR = ERROR, "a session met a store error: {error_kind}"
    SESSION_FAILED = ERROR, "a session failed"
    REQUEST_FAILED = ERROR, "a request failed"

    # The store
    COMMIT_REFUSED = ERROR, "the store refused a commit: {error_kind}"
    INDEX_BEHIND = WARNING, "an index of the store is behind: {error_kind}"
    LOG_NOT_PUT_BACK = WARNING, "the store's log was not put back: {error_kind}"
    SWEPT = (
        INFO,
        "swept: {expired} expired, {purged_bodies} purged bodies, {partials} half parcels,"
        " {tombstones} tombstones",
    )
    PARCELS_DAMAGED = (
        ERROR,
        "{damaged} parcels were damaged on the disk, and peers are asked for them: look at the"
        " disk; qanat-relay check tells whether there is more",
    )
    DAMAGE_STAYS = (
        ERROR,
        "something damaged cannot be forgotten: stop the relay and run qanat-relay check --heal",
    )
    TOO_FULL_TO_MIX = (
        WARNING,
        "the disk is too full to deal arrival numbers anew; the next sweep tries again",
    )
    UPGRADED_WITHOUT_COPY = (
        WARNING,
        "the disk has no room for a copy of the store before its upgrade: it is upgraded without"
        " one; there is no way back but a backup",
    )
    SWEEP_FAILED = ERROR, "the sweep did not end: {error_kind}"
    CLOCK_JUMPED = (
        WARNING,
        "the clock has jumped: for four weeks nothing is removed on its word alone;"
        " is the date right? A relay that was switched off for days need do nothing",
    )

    # Peers
    PEER_FAILING = INFO, "a peer: {words}"
    PEER_CALL_FAILED = ERROR, "a call to a peer failed"
    PEER_CARD_BROKEN = ERROR, "a file among the peers' cards is none: run qanat-relay check"
    PEER_NOT_REMEMBERED = (
        ERROR,
        "what is remembered of a peer can't be written: is the disk full?",
    )

    # Mistakes of ours, and what libraries say
    WORK_FAILED = (
        ERROR,
        "a part of the relay's work ended by a mistake of ours and is begun anew: {part}",
    )
    STORE_ENDED = (
        ERROR,
        "the store writes no more, by a mistake of ours: the relay ends, to be started anew",
    )
    ENDED_BY_MISTAKE = ERROR, "qanat-relay ended by a mistake of ours"
    THREAD_ENDED = ERROR, "a thread ended by a mistake of ours"
    LOOP_ERROR = ERROR, "the event loop met an error"
    LIBRARY = WARNING, "({library})"

    @property
    def level(self) -> int:
        """As in `logging`."""
        return self.value[0]

    @property
    def sentence(self) -> str:
        """For a person, with fields in braces."""
        return self.value[1]

    @property
    def label(self) -> str:
        """What it is called in a log or as a label."""
        return self.name.lower()
