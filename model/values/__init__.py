"""From printed text to values: numbers, money and dates as documents of many countries write them."""
