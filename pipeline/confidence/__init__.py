"""How far a value is to be trusted: what is known of it as signals, and one calibrated number from them."""
