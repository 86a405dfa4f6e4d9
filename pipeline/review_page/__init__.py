"""One page of HTML on which a person sees a record: its document's pages with the evidence on them, and its fields."""
