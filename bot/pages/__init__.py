"""What the resident's page and the desk share of the web: parts, shield, forms, rendering, live hints. No rules."""
