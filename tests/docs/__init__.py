"""The documentation held to the code: commands, options, links, files named, generated tables."""
