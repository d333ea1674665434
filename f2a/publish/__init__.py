"""Publication on the Hub: trained weights, datasets of pairs, and the page as a Space."""
