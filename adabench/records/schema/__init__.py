"""What a record is: its fields, what each may hold, what must hold between them, older versions."""
