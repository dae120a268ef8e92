"""Between app and engine: accept, danger, ownership, turn, deliver, post, transcript. DESIGN 2."""
