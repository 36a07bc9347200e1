"""The command `check`: looks at every page of the vault, makes anew what can be, says the rest."""

from __future__ import annotations

from typing import Final

from qanat_client.desk.context import Context
from qanat_client.desk.damage import damage_in, make_anew
from qanat_client.desk.faults import VaultDamaged
from qanat_client.desk.vault import Vault
from qanat_client.terminal import Exit, exit_code_of

__all__ = ["CHECK", "check"]

CHECK: Final = """\
Look at every page of the vault. Lists, what is in force and indexes that are damaged are made anew
from the rest; what was written once and can't be read is named. Takes as long as reading all."""

ADVICE: Final = (
    "look after the disk, and restore the desk's folder from a copy if you have one; without one,"
    " export what can be read and pull again: relays still have what came lately"
)


def check(context: Context) -> int:
    """Ends as with a disk that fails where something is lost."""
    context.check_home()
    terminal = context.terminal
    # No desk is needed: the page with its card may be the damaged one.
    vault = Vault.open(context.home, context.passphrase())
    try:
        damage = damage_in(vault)
        again = make_anew(vault, damage)
    finally:
        vault.close()
    if not damage.pages:
        terminal.say("every page of the vault is whole")
    else:
        terminal.say(damage.words)
        if again:
            terminal.say(f"made anew from what is left: {', '.join(again)}")
        if damage.reports or damage.lost or damage.is_in_free_space:
            terminal.warn(ADVICE)
    terminal.result(
        {
            "pages": list(damage.pages),
            "made_anew": list(again),
            "reports": [report_id.hex() for report_id in damage.reports],
            "lost": list(damage.lost),
        }
    )
    if damage.reports or damage.lost:
        return exit_code_of(VaultDamaged(damage.words))
    return Exit.DONE
