"""An invoice or credit note, with its lines, its tax and its totals."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import (
    Address,
    Currency,
    Date,
    Email,
    Iban,
    Identifier,
    Money,
    Organization,
    Percentage,
    Phone,
    Quantity,
    TaxId,
    labelled,
)


class Seller(BaseModel):
    """Who wrote the invoice."""

    name: Organization | None = labelled(
        "Seller",
        "Vendor",
        "Supplier",
        "Sold by",
        "Lieferant",
        "Verkäufer",
        "Fournisseur",
        "Vendeur",
        "Proveedor",
        "Fornitore",
        "Leverancier",
    )
    address: Address | None = None
    tax_id: TaxId | None = Field(None, description="VAT or tax number of the seller")
    email: Email | None = None
    phone: Phone | None = None
    iban: Iban | None = Field(None, description="account to pay to")


class Buyer(BaseModel):
    """To whom the invoice is addressed."""

    name: Organization | None = labelled(
        "Bill to",
        "Billed to",
        "Invoice to",
        "Sold to",
        "Customer",
        "Client",
        "Buyer",
        "Rechnung an",
        "Rechnungsempfänger",
        "Kunde",
        "Facturé à",
        "Client",
        "Facturar a",
        "Cliente",
        "Fatturare a",
        "Spett.le",
        "Factuur aan",
        "Klant",
    )
    address: Address | None = labelled(
        "Billing address", "Rechnungsadresse", "Adresse de facturation", "Dirección de facturación", "Factuuradres"
    )
    tax_id: TaxId | None = labelled(
        "Customer VAT", "Your VAT number", "Kunden-USt-IdNr", "Ihre USt-IdNr", "TVA client", "NIF cliente", "BTW klant"
    )


class InvoiceLine(BaseModel):
    description: str | None = None
    quantity: Quantity | None = None
    unit: str | None = None
    unit_price: Money | None = None
    tax_rate: Percentage | None = None
    amount: Money | None = Field(None, description="price of the line, before tax where the invoice says so")


class TaxLine(BaseModel):
    """One line of the tax breakdown."""

    rate: Percentage | None = labelled(
        "VAT %",
        "VAT rate",
        "Tax rate",
        "MwSt %",
        "MwSt-Satz",
        "Steuersatz",
        "Taux TVA",
        "Taux",
        "Tipo IVA",
        "Aliquota",
        "BTW %",
    )
    base: Money | None = labelled(
        "Net",
        "Taxable",
        "Tax base",
        "Netto",
        "Bemessungsgrundlage",
        "Base HT",
        "Base imponible",
        "Imponibile",
        "Grondslag",
    )
    tax: Money | None = labelled(
        "VAT",
        "Tax",
        "MwSt",
        "USt",
        "Steuer",
        "Montant TVA",
        "TVA",
        "Cuota IVA",
        "Cuota",
        "Imposta",
        "BTW",
        "BTW bedrag",
    )


class Invoice(BaseModel):
    """An invoice, bill or credit note."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-checks": [
                "sum(/lines/*/amount) = /subtotal",
                "/subtotal + /total_tax = /total",
                "sum(/tax_breakdown/*/tax) = /total_tax",
                "sum(/tax_breakdown/*/base) = /subtotal",
                "each /lines: quantity * unit_price = amount",
                "/invoice_date <= /due_date",
            ]
        }
    )

    invoice_number: Identifier = Field(description="number of the invoice")
    invoice_date: Date = Field(description="date of the invoice")
    due_date: Date | None = None
    order_number: Identifier | None = Field(None, description="the buyer's or seller's order number")
    customer_number: Identifier | None = None
    currency: Currency | None = Field(None, description="ISO 4217 code")
    seller: Seller = Field(default_factory=Seller)
    buyer: Buyer = Field(default_factory=Buyer)
    lines: list[InvoiceLine] = Field(default_factory=list, description="what is invoiced, line by line")
    tax_breakdown: list[TaxLine] = Field(default_factory=list, description="tax by rate")
    subtotal: Money | None = Field(None, description="total before tax")
    total_tax: Money | None = Field(None, description="total tax")
    total: Money = Field(description="total, tax included")
    amount_due: Money | None = Field(None, description="what is left to pay")
