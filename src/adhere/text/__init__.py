"""What a text says: its words, numbers and dates, and where it states a value."""
