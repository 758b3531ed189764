"""What people and programs use: the command line and the server. They are frames; features fill them."""
