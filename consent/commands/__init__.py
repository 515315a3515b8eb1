"""What an operator types, a group of commands a file."""
