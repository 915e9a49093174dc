"""Who acts: an id, what kind it is, and how sure we are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from herdbook.kernel import digests
from herdbook.model.base import Text, Value

Actor = Annotated[Text, AfterValidator(lambda text: digests.check_id(text, "actor"))]
RegistryId = Annotated[Text, AfterValidator(lambda text: digests.check_id(text, "registry"))]


class Principal(Value):
    """Stands in every event. Ids are random: names live in a table that can be emptied."""

    id: Actor
    kind: Literal["person", "service", "group"] = "person"
    assurance: Literal["claimed", "os", "token", "oidc"] = "claimed"


class Person(Value):
    """The erasable part: what an actor is called."""

    id: Actor
    name: Text | None = None
    email: Text | None = None
