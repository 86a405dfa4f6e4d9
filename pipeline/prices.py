"""What a run costs, from prices that the user gives. In their currency; nothing is rounded up to whole hours."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import UsageError

HOUR = 3600.0
MILLION = 1_000_000


class Prices(BaseModel):
    """Of an hour of this machine, and of a million tokens that a server takes in and gives out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_hour: float = Field(0.0, ge=0, allow_inf_nan=False)
    per_million_input: float = Field(0.0, ge=0, allow_inf_nan=False)
    per_million_output: float = Field(0.0, ge=0, allow_inf_nan=False)

    def cost(self, seconds: float, input_tokens: int, output_tokens: int, pages: int) -> Cost | None:
        """Of a run that had the machine for so many seconds; None where no price is known."""
        if self == FREE:
            return None
        machine = self.per_hour * seconds / HOUR
        tokens = (self.per_million_input * input_tokens + self.per_million_output * output_tokens) / MILLION
        total = machine + tokens
        return Cost(
            machine=round(machine, 6),
            tokens=round(tokens, 6),
            total=round(total, 6),
            per_thousand_pages=round(1000 * total / pages, 6) if pages else None,
        )


class Cost(BaseModel):
    """per_thousand_pages: None where no page was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: float
    tokens: float
    total: float
    per_thousand_pages: float | None


FREE = Prices()


def prices_of(per_hour: float, per_million_input: float, per_million_output: float) -> Prices:
    """As `Prices` has them. Raises UsageError for what is no price."""
    try:
        return Prices(per_hour=per_hour, per_million_input=per_million_input, per_million_output=per_million_output)
    except ValidationError as error:
        found = error.errors()[0]
        name = f"--price-{found['loc'][0]}".replace("_", "-")
        raise UsageError(
            f"{name} {found['input']} is no price.", remedy="Give a number that is not negative."
        ) from error
