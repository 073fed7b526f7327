"""What differences between rows are worth, and what a control or a best row says of the others."""
