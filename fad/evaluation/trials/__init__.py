"""Score files of any toolkit and keys, joined to trials."""
