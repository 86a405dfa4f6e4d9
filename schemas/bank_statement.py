"""A bank statement: two balances and what happened between them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import Currency, Date, Identifier, Money, Organization, Person


class Transaction(BaseModel):
    """One movement. Statements print either two columns, debit and credit, or one signed amount."""

    date: Date | None = None
    description: str | None = None
    debit: Money | None = Field(None, description="money out, without sign")
    credit: Money | None = Field(None, description="money in, without sign")
    amount: Money | None = Field(None, description="signed, where there is one column for both")
    balance: Money | None = None


class BankStatement(BaseModel):
    """A statement of an account over a period."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-checks": [
                "/opening_balance + sum(/transactions/*/credit) - sum(/transactions/*/debit)"
                " + sum(/transactions/*/amount) = /closing_balance",
                "running /transactions from /opening_balance: balance by credit? - debit? + amount?",
                "/period_start <= /period_end",
            ]
        }
    )

    bank: Organization | None = None
    account_holder: Person | None = None
    account_number: Identifier | None = Field(None, description="IBAN or other account number")
    currency: Currency | None = None
    period_start: Date | None = None
    period_end: Date | None = None
    opening_balance: Money
    closing_balance: Money
    transactions: list[Transaction] = Field(default_factory=list)
