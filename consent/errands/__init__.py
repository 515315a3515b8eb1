"""What runs beside the doors, and what goes out of the house: to witnesses, organisations, a broker, a mailbox."""
