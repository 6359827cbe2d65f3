"""Tables of codes and names, generated from their sources."""
