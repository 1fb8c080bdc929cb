"""What a user can ask for, one module per area; web and command line are thin faces over this."""
