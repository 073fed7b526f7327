"""What the tools call: arguments parsed, the house asked, the answer printed."""
