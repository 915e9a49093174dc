"""``webhook``: who is told of events, as ``registry.toml`` has it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from herdbook.apps.cli.answers import WebhookEntry, WebhookStanding
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.bootstrap import discovery
from herdbook.kernel.errors import MissingError, UnavailableError

if TYPE_CHECKING:
    from herdbook.service.webhooks import Courier


@click.group(cls=Group)
def webhook() -> None:
    """Addresses that are told of events."""


@contextlib.contextmanager
def _couriers(session: Session, name: str | None = None, *, read_only: bool = False) -> Iterator[list[Courier]]:
    from herdbook.bootstrap import webhooks
    from herdbook.bootstrap.open import open_serving
    from herdbook.server.hooks import HttpSender
    from herdbook.service.webhooks import Courier

    folder = discovery.folder(session.where).location
    found = webhooks.hooks(folder)
    if name is not None:
        known = ", ".join(hook.name for hook in found) or "none"
        found = [hook for hook in found if hook.name == name]
        if not found:
            raise MissingError(
                f"there is no webhook {name!r}", code="no-webhook", hint=f"registry.toml in {folder} has: {known}."
            )
    with contextlib.closing(open_serving(folder, read_only=read_only)) as serving, HttpSender() as sender:
        yield [Courier(serving.context.catalogue, hook, sender) for hook in found]


def _entry(courier: Courier) -> WebhookEntry:
    hook = courier.hook
    standings = [
        WebhookStanding(
            namespace=head.namespace,
            seq=standing.seq,
            behind=head.seq - standing.seq,
            failures=standing.failures,
            trouble=standing.trouble or None,
        )
        for head, standing in courier.standings()
    ]
    return WebhookEntry(
        name=hook.name,
        url=hook.url,
        namespaces=hook.namespaces,
        kinds=hook.kinds,
        standings=tuple(standings),
    )


def _view(entries: list[WebhookEntry]) -> Drawing:
    from herdbook.apps.cli.views import webhooks

    return webhooks.webhooks(entries)


@webhook.command("list")
@pass_session
def list_(session: Session, /) -> None:
    """List webhooks, and how far each is in each journal."""
    with _couriers(session, read_only=True) as couriers:
        entries = [_entry(courier) for courier in couriers]
    session.output.many(entries, _view, brief=lambda entry: entry.name, empty="registry.toml names no webhook.")


@webhook.command()
@click.argument("name")
@pass_session
def test(session: Session, /, *, name: str) -> None:
    """Send a message that tells of nothing, signed like all."""
    with _couriers(session, name, read_only=True) as (courier,):
        trouble = courier.test()
        entry = _entry(courier)
    if trouble:
        raise UnavailableError(f"{entry.url} did not take it: {trouble}", code="not-delivered", hint="Look at its log.")
    session.output.one(entry, lambda: f"{entry.url} took it", brief=entry.name)


@webhook.command()
@click.argument("name", required=False)
@pass_session
def deliver(session: Session, /, *, name: str | None) -> None:
    """Deliver what is to be delivered, once and now; a server does it by itself."""
    with _couriers(session, name) as couriers:
        for courier in couriers:
            if courier.lead():
                courier.deliver(rested=False)
                courier.yield_lead()
            else:
                session.output.message(f"{courier.hook.name}: a server delivers")
        entries = [_entry(courier) for courier in couriers]
    session.output.many(entries, _view, brief=lambda entry: entry.name, empty="registry.toml names no webhook.")
    if failed := [entry.name for entry in entries if any(standing.behind for standing in entry.standings)]:
        raise UnavailableError(
            f"not delivered: {', '.join(failed)}", code="not-delivered", hint="They are tried again; see above why not."
        )
