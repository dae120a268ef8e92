"""Call-backs: a resident wants to be phoned; who tries, and what comes of it."""
