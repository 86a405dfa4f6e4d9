"""Review: what a person says of records. The queue, approvals, corrections, and the truth that comes of them."""
