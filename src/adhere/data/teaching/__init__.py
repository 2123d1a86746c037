"""What a teacher is asked, and what is made of its replies."""
