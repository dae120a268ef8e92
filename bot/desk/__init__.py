"""Pages of staff: signing in, the operators' console, the officers' tickets. Whatever a route does not declare is refused."""
