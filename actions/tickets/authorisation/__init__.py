"""核查授权: who lets the authorities check their means, each person by themselves; what came of it."""
