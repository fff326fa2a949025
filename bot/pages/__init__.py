"""Pages of the operators: campaigns. They take look, doors and session from the agents' console."""
