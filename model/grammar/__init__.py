"""From a contract to replies that fit it: the grammar, its mask at every token, and what a reply's tokens say of it."""
