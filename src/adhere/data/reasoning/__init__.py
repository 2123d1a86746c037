"""How each value of a target is read from its text, and checks of who says so."""
