"""What the tests lean on: a Hub on loopback, hostile files, page servers, load."""
