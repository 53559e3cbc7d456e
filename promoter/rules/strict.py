"""What every shape of a rule file is: no key that is not known, no value of another type."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
