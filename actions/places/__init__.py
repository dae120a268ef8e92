"""Which township is responsible for a place: the gazetteer, the resolver and what is made from them."""
