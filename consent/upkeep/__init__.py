"""What is done to a data folder as a whole: copied and put back, published, continued in another log."""
