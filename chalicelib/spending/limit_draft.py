"""Spending limits as they are asked for."""

from typing import Literal

from pydantic import ConfigDict, Field

from chalicelib.core.schema import Schema
from chalicelib.spending.limits import MOST_END_USER, Period, Scope


class ListCost(Schema):
    """An amount of whole cents."""

    model_config = ConfigDict(extra="forbid")

    amount: str = Field(pattern=r"^[0-9]{1,12}$")
    currency: Literal["USD"] = "USD"

    @property
    def cents(self) -> str:
        """The amount in normal form."""
        return str(int(self.amount))


class LimitCreate(Schema):
    """A new limit. Without ``agent_id`` or ``end_user``, each agent or end user has it for itself."""

    model_config = ConfigDict(extra="forbid")

    scope: Scope
    agent_id: str | None = Field(default=None, max_length=128)
    end_user: str | None = Field(default=None, min_length=1, max_length=MOST_END_USER)
    period: Period = "total"
    max_list_cost: ListCost | None = None
    blocked: bool = False


class LimitUpdate(Schema):
    """Changes to a limit; what is not sent stays. For whom and for which period it is stays as well."""

    model_config = ConfigDict(extra="forbid")

    max_list_cost: ListCost | None = None
    blocked: bool | None = None
