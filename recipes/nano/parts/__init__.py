"""What is measured of nano: one file for each part of the model card, and what the parts stand on."""
