"""Completion of words in a shell. Bash breaks words at ``:`` and ``@``, which references need; this mends it."""

from __future__ import annotations

import os
import re
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from herdbook.apps.cli.answers import Script
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.session import Session, pass_session

VARIABLE = "_HERDBOOK_COMPLETE"

_BASH = """\
%(complete_func)s() {
    local line kind value
    COMPREPLY=()
    while IFS= read -r line; do
        kind="${line%%%%,*}" value="${line#*,}"
        case "$kind" in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    """Bash, from 4.4 on: the line is split here, since bash has already broken references at their colons."""

    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is being typed, and that one."""
        typed = (
            os.environ.get("COMP_LINE", "").encode()[: int(os.environ.get("COMP_POINT") or 0)].decode(errors="ignore")
        )
        words = split_arg_string(typed)
        incomplete = words.pop() if words and not typed[-1:].isspace() else ""
        self._broken = re.sub(r"[^:@=]*$", "", incomplete)
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Return a completion without what bash takes for words before it."""
        return f"{item.type},{str(item.value).removeprefix(self._broken)}"

    @staticmethod
    def _check_version() -> None:
        """Spare a process: an older bash says what it does not know."""


def install() -> None:
    """Let click use the bash that knows about colons."""
    add_completion_class(Bash)


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_session
def completion(session: Session, /, *, shell: str) -> None:
    r"""Print the script that completes words in a shell.

    \b
    bash   eval "$(herdbook completion bash)"        in ~/.bashrc
    zsh    eval "$(herdbook completion zsh)"         in ~/.zshrc
    fish   herdbook completion fish | source         in ~/.config/fish/config.fish
    """
    install()
    found = get_completion_class(shell)
    assert found is not None
    root = click.get_current_context().find_root().command
    script = found(root, {}, "herdbook", VARIABLE).source()
    if session.output.mode == "json":
        session.output.one(Script(shell=shell, script=script), lambda: None)
    else:
        click.echo(script)
