"""The command that writes reports, readable, to a folder."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Final

from qanat_client.desk.black_out import FIELDS
from qanat_client.desk.context import Context
from qanat_client.desk.desk import Desk
from qanat_client.desk.export import FORMATS, Order, Prepared, export, prepare
from qanat_client.desk.export_files import Anew, Strip
from qanat_client.desk.export_places import FolderPlace
from qanat_client.desk.filters import add_filters, wish_of
from qanat_client.desk.inbox import Item, PartState, item_of
from qanat_client.desk.media.asking import Form
from qanat_client.desk.media.darkroom import Darkroom
from qanat_client.desk.media.room import job_for, whole
from qanat_client.desk.media.sources import source_of
from qanat_client.desk.reading import catalogued
from qanat_client.desk.words import counted, time_words
from qanat_client.errors import BadInput
from qanat_client.terminal import Exit, human_size, printable, printable_line

__all__ = ["EXPORT", "add_export", "export_reports"]

EXPORT: Final = """\
Write reports, readable, to a folder: for colleagues with everything, or for publication without
what leads to a source. html and atom are for publication unless you say otherwise.

  qanat-desk export -o out
  qanat-desk export -o out --format csv --state corroborated --since 36h
  qanat-desk export -o out --format html --incident "Shooting on the square" --black-out Aigul
  qanat-desk export --format atom --preview"""

DESK_FORMATS: Final = ("json", "md")
_CONFIRMED: Final = ("corroborated", "published")
_WHY: Final = {
    "muted": "of muted pseudonyms; --alias or --muted takes them",
    "not published": "not in state published; a feed holds no other",
    "withdrawn": "withdrawn by their authors; --with-withdrawn takes them",
    "damaged": "on damaged pages of the vault; qanat-desk check says more",
}


def add_export(parser: argparse.ArgumentParser) -> None:
    """The arguments of `export`."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="these reports; all without")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR")
    parser.add_argument("--format", choices=FORMATS, help="only this one; json and md by default")
    parser.add_argument("--all", action="store_true", help="thumbnails and previews too")
    parser.add_argument(
        "--preview", action="store_true", help="say what would be written, and write nothing"
    )
    audience = parser.add_mutually_exclusive_group()
    audience.add_argument(
        "--public",
        action="store_true",
        default=None,
        help="for publication: without ids, keys, hashes, hours, names of files, custody, notes",
    )
    audience.add_argument(
        "--not-public", dest="public", action="store_false", help="with all of that"
    )
    media = parser.add_mutually_exclusive_group()
    media.add_argument("--media", action="store_true", default=None, help="with the attachments")
    media.add_argument("--no-media", dest="media", action="store_false", help="without them")
    parser.add_argument("--with-withdrawn", action="store_true", help="what its author took back")
    parser.add_argument(
        "--with-pseudonyms", action="store_true", help="in a publication, who wrote it, by alias"
    )
    parser.add_argument(
        "--black-out", action="append", default=[], metavar="WORDS", help="may be repeated"
    )
    parser.add_argument(
        "--black-out-field",
        action="append",
        default=[],
        choices=FIELDS,
        metavar="FIELD",
        help=f"one of {', '.join(FIELDS)}; may be repeated",
    )
    add_filters(parser)


def _order(context: Context, desk: Desk) -> Order:
    arguments = context.arguments
    formats = (arguments.format,) if arguments.format else DESK_FORMATS
    ids = None
    if arguments.ids:
        ids = tuple(item_of(desk.vault, each).report_id for each in arguments.ids)
    order = Order(
        formats,
        wish=wish_of(desk, arguments),
        ids=ids,
        public=arguments.public,
        all_renditions=arguments.all,
        with_withdrawn=arguments.with_withdrawn,
        with_pseudonyms=arguments.with_pseudonyms,
        black_words=tuple(arguments.black_out),
        black_fields=tuple(arguments.black_out_field),
        media=bool(arguments.media),
    )
    if arguments.media is None and not order.is_public:
        return replace(order, media=True)
    return order


def _strip(darkroom: Darkroom) -> Strip:
    """Media without what they tell of their maker, by a worker that starts with the first."""

    def strip(desk: Desk, item: Item, part: PartState) -> Anew:
        source = source_of(desk, item.report_id, part.part.file, part.part.rendition)
        development = darkroom.develop(job_for(source, Form.PUBLIC), source.pieces())
        head, data = whole(development)
        return Anew(head.media_type, data, development.note)

    return strip


def _tell_prepared(context: Context, prepared: Prepared) -> None:
    for why, number in prepared.left_out.items():
        if number:
            context.terminal.say(f"left out: {counted(number, 'report')} {_WHY[why]}")
    for word, number in prepared.blacked_out.items():
        context.terminal.say(f"blacked out {number} times: {printable_line(word)}")
    states = {name: n for name, n in prepared.states.items() if name not in _CONFIRMED}
    if prepared.edition.is_public and states:
        some = counted(sum(states.values()), "report")
        named = ", ".join(f"{n} {name}" for name, n in states.items())
        context.terminal.warn(f"for publication, and not confirmed: {some} ({named})")


def export_reports(context: Context) -> int:
    """Write reports, readable, to a folder."""
    arguments, terminal = context.arguments, context.terminal
    folder: Path | None = arguments.output
    if folder is None and not arguments.preview:
        raise BadInput("name a folder with -o, or look at what it would be with --preview")
    with context.desk() as desk:
        catalogued(context, desk)
        order = _order(context, desk)
        if folder is None or arguments.preview:
            prepared = prepare(desk, order)
            documents = prepared.documents(order.formats)
            for _, text in documents:
                terminal.say(printable(text))
            _tell_prepared(context, prepared)
            terminal.result(
                {
                    "documents": [{"name": name, "text": text} for name, text in documents],
                    "reports": len(prepared.items),
                    "left_out": dict(prepared.left_out),
                    "blacked_out": dict(prepared.blacked_out),
                }
            )
            return Exit.DONE
        darkroom = Darkroom()
        try:
            with context.counting("exported") as advance:
                done = export(
                    desk, FolderPlace(folder), order, strip=_strip(darkroom), advance=advance
                )
        finally:
            darkroom.close()
    reports = len(done.prepared.items)
    _tell_prepared(context, done.prepared)
    terminal.say(
        f"{counted(reports, 'report')} and {counted(done.files, 'new file')}"
        f" ({human_size(done.size_bytes)}) of {time_words(int(context.clock()))} in {folder}"
    )
    if done.kept:
        terminal.say(f"there already, unchanged: {counted(done.kept, 'file')}")
    for line in done.missing:
        terminal.say(f"missing: {line}")
    for line in done.shortened:
        terminal.say(f"only in part: {line}")
    terminal.warn(
        "What was exported is readable by whoever gets hold of that folder. Delete it when it is"
        " not needed any more."
    )
    terminal.result(
        {
            "folder": str(folder),
            "documents": [str(folder / path) for path in done.documents],
            "reports": reports,
            "files": done.files,
            "files_there_already": done.kept,
            "size_bytes": done.size_bytes,
            "missing": list(done.missing),
            "shortened": list(done.shortened),
            "left_out": dict(done.prepared.left_out),
            "blacked_out": dict(done.prepared.blacked_out),
        }
    )
    return Exit.DONE
