"""What is said of pictures: distances between sets of them, and networks that see their emotion."""
