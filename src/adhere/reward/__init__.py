"""What an answer is worth: verdicts, leaf matches, support in the text and the presets that weigh them."""
