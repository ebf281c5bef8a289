"""What is put on each emulator, and on servers that do nothing, to tell what the transport alone allows."""
