"""What is run by hand to make files of the repository; nothing that people use needs it."""
