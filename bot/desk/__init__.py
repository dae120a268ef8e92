"""Pages of staff: sign-in, the operators' console, the officers' tickets. What a route does not declare is refused."""
